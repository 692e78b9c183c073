"""One malformed file and its outcome, and the rows that stand in it beside what is bad."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tests.logs import conversation

PHONE, MAIL, IDENTITY = "13812345678", "ann@example.com", "11010519491231002X"
SECRETS = (PHONE, MAIL, IDENTITY)
"""Stand in every bad line, where its kind lets them, and must not stand in the lake."""


@dataclass(frozen=True)
class Case:
    """`live` rows live at the end, `aside` rows set aside, lines quarantined and faults of files or members by reason.

    `make` is the file's bytes, or makes it at a path.
    """

    name: str
    what: str
    make: bytes | Callable[[Path], None]
    live: int = 2
    lines: Mapping[str, int] = field(default_factory=dict)
    faults: Mapping[str, int] = field(default_factory=dict)
    aside: Mapping[str, int] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """Makes the file in the folder."""
        path = folder / self.name
        if isinstance(self.make, bytes):
            path.write_bytes(self.make)
        else:
            self.make(path)
        return path


def good(number: int = 1, **more: Any) -> bytes:
    """A conversation as a line without its end; all told apart by their number."""
    return orjson.dumps(conversation(number, **more))


def lines(*found: bytes | Mapping[str, Any]) -> bytes:
    """A line each."""
    return b"".join((line if isinstance(line, bytes) else orjson.dumps(line)) + b"\n" for line in found)


def beside(*bad: bytes | Mapping[str, Any]) -> bytes:
    """Lines that are bad between two that are good."""
    return lines(good(1), *bad, good(2))


def said(text: str = f"我的电话是{PHONE}，邮箱{MAIL}", **more: Any) -> dict[str, Any]:
    """A small conversation that names somebody."""
    return {"messages": [{"role": "user", "content": text}], **more}
