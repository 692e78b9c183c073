"""Writes a log of invented food-delivery service talks, in the native log form, to try the whole house on.

`python -m pipelines.demo_log OUT_DIR [--seed 7] [--num 2000]` writes the logs and nothing else; equal seeds give equal
bytes. `make()` also returns what was planted, for tests to compare with what the house finds.
"""

import argparse
import gzip
import io
import tarfile
from pathlib import Path
from random import Random

from pipelines.demo.maker import Maker
from pipelines.demo.plants import Planted
from pipelines.demo.rows import draw_rows, to_lines


def make(seed: int = 7, num: int = 2000) -> tuple[list[tuple[str, list[str]]], Planted]:
    """`num` conversations, broken lines on top: [(file, lines)], and what is planted in them.

    A file name such as `a.tar.gz/b.jsonl` stands for the member `b.jsonl` of the archive `a.tar.gz`.
    """
    maker = Maker(Random(seed))
    return to_lines(draw_rows(maker, num), maker), maker.planted


def write(folder: Path, files: list[tuple[str, list[str]]]) -> list[Path]:
    """Writes the files, plain, gzip or a tar of members by their names; returns the paths. No clock in the bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    whole: dict[str, bytes] = {}
    members: dict[str, dict[str, bytes]] = {}
    for name, lines in files:
        data = "".join(line + "\n" for line in lines).encode()
        archive, _, member = name.partition("/")
        if member:
            members.setdefault(archive, {})[member] = data
        else:
            whole[name] = gzip.compress(data, mtime=0) if name.endswith(".gz") else data
    whole |= {archive: gzip.compress(_tar(parts), mtime=0) for archive, parts in members.items()}
    for name, data in whole.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in whole]


def _tar(parts: dict[str, bytes]) -> bytes:
    """The parts as a tar; time, owner and group stay 0."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in parts.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.demo_log", description=__doc__)
    parser.add_argument("out_dir", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--num", type=int, default=2000, help="conversations, broken lines not counted")
    options = parser.parse_args()
    files, _ = make(options.seed, options.num)
    for path in write(options.out_dir, files):
        print(path)


if __name__ == "__main__":
    main()
