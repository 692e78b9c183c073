"""The demonstration log is written byte for byte the same by seed, and reads back."""

import gzip
import tarfile

import pytest

from pipelines.demo_log import make, write


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(tmp_path):
    paths = [write(tmp_path / name, make(seed, 300)[0]) for name, seed in [("a", 7), ("b", 7), ("c", 8)]]
    first, second, third = ([path.read_bytes() for path in one] for one in paths)
    assert first == second
    assert all(one != other for one, other in zip(first, third, strict=True))


def test_what_is_written_reads_back_as_the_lines_made(tmp_path):
    files, _ = make(7, 300)
    write(tmp_path, files)
    for file, lines in files:
        archive, _, member = file.partition("/")
        if member:
            with tarfile.open(tmp_path / archive) as tar:
                data = tar.extractfile(member).read()
                assert {info.mtime for info in tar} == {0}
        else:
            data = (tmp_path / file).read_bytes()
            data = gzip.decompress(data) if file.endswith(".gz") else data
        assert data.decode().splitlines() == lines


def test_a_log_too_small_for_its_plants_is_refused():
    assert sum(len(lines) for _, lines in make(1, 40)[0]) == 45
    with pytest.raises(ValueError, match="num is 12"):
        make(1, 12)
