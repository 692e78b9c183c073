"""Measurements as lines of a file, written as soon as they are taken: a session that is cut loses one at most."""

import hashlib
import os
import subprocess
import time
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.measure import HOME, Result

_CODE: Final = ("refinery", "rules", "pipelines", "benchmarks", "pyproject.toml", "constraints.txt")
_ENDINGS: Final = (".py", ".yaml", ".toml", ".txt")


def commit() -> str:
    """The short name of what is checked out, and whether code was changed since."""
    changed = _git("status", "--porcelain", "--", *_CODE[:3], "benchmarks/*.py")
    name = _git("rev-parse", "--short", "HEAD").strip() or "unknown"
    return f"{name} with changes not committed" if changed else name


def made_of(machine: str) -> str:
    """A hash of the code as it stands and of the machine: only measurements under an equal one are taken together."""
    state = hashlib.sha256(machine.encode())
    for name in _CODE:
        place = HOME.parent / name
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.suffix in _ENDINGS:
                state.update(f"{path.relative_to(HOME.parent)}\n".encode() + path.read_bytes())
    return state.hexdigest()[:16]


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], capture_output=True, text=True, check=False, cwd=HOME.parent).stdout


class Journal:
    """The measurements of one code on one machine, by size of the corpus, round and contender."""

    def __init__(self, path: Path, of: str) -> None:
        self._path, self._of = path, of
        self._results: dict[tuple[int, int, str], Result] = {}
        self.contents: dict[int, dict[str, int]] = {}
        for line in path.read_bytes().splitlines() if path.exists() else ():
            try:
                said = orjson.loads(line)
            except orjson.JSONDecodeError:  # cut in the middle of a line
                continue
            if said["of"] == of:
                self._take(said)

    def _take(self, said: dict[str, Any]) -> None:
        if "contents" in said:
            self.contents[said["conversations"]] = said["contents"]
        else:
            self._results[said["conversations"], said["round"], said["contender"]] = Result.of(said["result"])

    def _write(self, **said: object) -> None:
        line = {"of": self._of, **said, "at": time.strftime("%Y-%m-%dT%H:%M:%S"), "load": os.getloadavg()[0]}
        with self._path.open("ab") as file:
            file.write(orjson.dumps(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._take(line)

    def put(self, size: int, number: int, contender: str, result: Result) -> None:
        """Writes down one measurement."""
        self._write(conversations=size, round=number, contender=contender, result=result._asdict())

    def put_contents(self, size: int, contents: dict[str, int]) -> None:
        """Writes down what a corpus was found to hold."""
        self._write(conversations=size, contents=contents)

    def get(self, size: int, number: int, contender: str) -> Result | None:
        """A measurement, if it was taken."""
        return self._results.get((size, number, contender))

    def rows(self, size: int) -> dict[str, int] | None:
        """Rows by table that every contender must write for a corpus of this size, once one has."""
        return next((result.rows for (of, *_), result in self._results.items() if of == size), None)
