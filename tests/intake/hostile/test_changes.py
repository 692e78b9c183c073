"""Files that change, vanish or refuse while a run is at work: it stops and says which, or the file is quarantined."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from refinery.engine import intake
from refinery.engine.local import LocalExecutor
from refinery.errors import InputError
from refinery.intake import reader
from refinery.intake.reader import Bad, Limits, read
from refinery.intake.source import Source
from tests.engine.runs import rows, run
from tests.intake.hostile.case import good, lines
from tests.logs import conversation, plan, write


class MeddlingExecutor(LocalExecutor):
    """Does something to the logs once the input is frozen, before the first task."""

    def __init__(self, meddle) -> None:
        self._meddle = meddle

    def run(self, function, tasks) -> Iterator[None]:
        self._meddle()
        yield from super().run(function, tasks)


@pytest.mark.parametrize(
    "meddle, said",
    [
        (lambda path: path.unlink(), r"b.jsonl was in the frozen input and is gone; put it back"),
        (lambda path: path.write_bytes(lines(good(9))), r"b.jsonl changed since the run froze its input; restore it"),
        (lambda path: os.truncate(path, 40), r"b.jsonl changed since"),
    ],
)
def test_a_file_that_vanishes_changes_or_shrinks_stops_the_run_which_goes_on_once_it_is_back(tmp_path, meddle, said):
    path = write(tmp_path / "logs" / "b.jsonl", [conversation(1), conversation(2)])
    write(tmp_path / "logs" / "a.jsonl", [conversation(3)])
    kept, times = path.read_bytes(), path.stat()
    with pytest.raises(InputError, match=said):
        run(plan(tmp_path, tmp_path / "logs"), tmp_path / "lake", MeddlingExecutor(lambda: meddle(path)))
    assert not (tmp_path / "lake" / "snapshots").exists()
    path.write_bytes(kept)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert run(plan(tmp_path, tmp_path / "logs"), tmp_path / "lake").published
    assert rows(tmp_path / "lake", "SELECT count(*) FROM conversations") == [(3,)]


def test_a_file_that_shrinks_while_it_is_read_stops_the_run(tmp_path, monkeypatch):
    path = write(tmp_path / "logs" / "b.jsonl", [conversation(n) for n in range(2_000)])
    before, looked = intake.verify, []

    def verify_then_shrink(file) -> None:
        before(file)
        looked.append(file)
        if len(looked) == 1:
            os.truncate(path, 300)

    monkeypatch.setattr(intake, "verify", verify_then_shrink)
    with pytest.raises(InputError, match="changed since the run froze its input"):
        run(plan(tmp_path, tmp_path / "logs", input_bytes=10**9), tmp_path / "lake")
    assert len(looked) == 1


def test_a_file_that_is_gone_as_it_is_opened_is_named(tmp_path):
    source = Source(name="s", path=str(write(tmp_path / "a.jsonl", [conversation(1)])))
    (file,) = source.freeze()
    (tmp_path / "a.jsonl").unlink()
    with pytest.raises(InputError, match="a.jsonl was in the frozen input and is gone"):
        list(read(source, file, Limits()))


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder that all may enter, and this process as a user who may not read what is closed to him."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        if os.geteuid() != os.getuid():
            os.seteuid(os.getuid())


def test_a_file_that_may_not_be_read_is_quarantined_and_a_folder_is_told_of(nobody):
    for name in ("a.jsonl", "b.jsonl", "c/d.jsonl"):
        write(nobody / name, [conversation(1)])
    (nobody / "a.jsonl").chmod(0)
    (nobody / "c").chmod(0)
    if os.getuid() == 0:
        os.seteuid(65_534)
    source = Source(name="s", path=str(nobody))
    files, passed = source.listing()
    found = [one for file in files for one in read(source, file, Limits())]
    assert [(b.origin.file, b.origin.line, b.reason) for b in found if isinstance(b, Bad)] == [
        ("a.jsonl", None, "unreadable_file")
    ]
    assert [one[0].file for one in found if not isinstance(one, Bad)] == ["b.jsonl"]
    assert passed == {"unreadable folder": 1}


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.tar", "a.tar.gz", "a.zip", "a.parquet"])
def test_a_fault_of_the_machine_stops_the_run_and_is_not_taken_for_one_of_the_file(tmp_path, monkeypatch, name):
    class Failing:
        """A disk that gives one block and then an error."""

        def read(self, *_):
            raise OSError(5, "Input/output error")

        readline = read1 = peek = readinto = read
        closed = False

        def seek(self, *_):
            return 100

        tell = seek

        def readable(self):
            return True

        def seekable(self):
            return True

        def close(self):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    (tmp_path / name).write_bytes(b"x" * 100)
    source = Source(name="s", path=str(tmp_path / name))
    (file,) = source.freeze()
    monkeypatch.setattr(reader, "open_file", lambda _: Failing())
    with pytest.raises(OSError, match="Input/output error"):
        list(read(source, file, Limits()))
