"""Names that mean harm, and what stands in a folder of logs without being a log."""
# ruff: noqa: E501 (cases read best a line each)

import os
import socket
from pathlib import Path

from tests.intake.hostile.case import Case, good, lines

_NAMES = ("'; DROP TABLE conversations; --.jsonl", "<img src=x onerror=alert(1)>.jsonl", "=cmd|' !A0.jsonl", "a\nb\r.jsonl",
          "\u202elnosj.exe.jsonl", "ad\u200bmin.jsonl", "[red]x[-red].jsonl", "%2e%2e%2f.jsonl", "a*b?c[1].jsonl", "a::b.jsonl",
          "..x.jsonl", "-rf.jsonl", "~.jsonl", "$HOME.jsonl", "a b\t.jsonl", "UPPER.JSONL", "n" * 240 + ".jsonl")  # fmt: skip

CASES = [Case(name, "a name that means harm elsewhere", lines(good(1), good(2))) for name in _NAMES]

PASSED_OVER = {
    ".csv": 1,
    ".txt": 1,
    "dangling link": 2,
    "hidden": 2,
    "linked folder": 1,
    "name not UTF-8": 1,
    "no regular file": 2,
    "other ending": 1,
}


def fill(folder: Path) -> None:
    """Everything but logs, and one log in a folder that is named like one."""
    (folder / "folder.jsonl").mkdir()
    (folder / "folder.jsonl" / "x.jsonl").write_bytes(lines(good(1), good(2)))
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "round.jsonl").symlink_to(folder / "round.jsonl")
    (folder / "dangling.jsonl").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe.jsonl")
    _socket(folder / "socket.jsonl")
    for name in ("turns.csv", "notes.txt", "13812345678", ".hidden.jsonl", "_SUCCESS"):
        (folder / name).write_bytes(lines(good(1)))
    with open(bytes(folder) + b"/\xd6\xd0.jsonl", "wb") as strange:
        strange.write(lines(good(1)))


def _socket(path: Path) -> None:
    """A socket's path may have about 100 bytes, so it is bound from within its folder."""
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(before)
