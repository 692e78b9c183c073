"""Writes a corpus of N times the real logs, every set in its own format, by seeded variation.

    python -m benchmarks.scale TARGET --scale 20

The plan that reads the real logs reads the corpus too (`--source TARGET`): a path that names one file becomes a folder
of that name. Copy 0 is the original, byte for byte. In every other copy ids are new, and in what was said and done
digits (but 0, 1 and 2: phones, years and numbers keep their shape), names and cities are swapped, one way a copy; the
first text of the customer ends on a word of the copy. So conversations that were equal within the original stay equal
within a copy, no conversation that has a customer equals one of another copy, and two copies of one conversation are
near duplicates. Checksums of cards and identity numbers do not survive. Hidden fields stay as they are.
"""

import argparse
import gzip
import hashlib
import io
import random
import re
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from refinery.errors import InputError
from refinery.intake.source import ARCHIVE_SUFFIXES
from refinery.plan import load

PLAN: Final = Path(__file__).resolve().parents[1] / "pipelines" / "plans" / "all_sets.yaml"
DATA: Final = PLAN.parents[2].parent / "shared" / "data"
PART_BYTES: Final = 6 * 2**20
"""Of an archive, unpacked. The documents are smaller than 8 MB as they are, and are not cut."""

_DIGITS: Final = "3456789"
_SYLLABLES: Final = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]
_GROUPS: Final = (
    "Alexis Angela Ben Mark John Fred Noah Ivan Michael Sarah George Katarina Brian Tyler James Sophia Antonio Dave",
    "Chicago Detroit Pittsburgh Houston Seattle Atlanta Philadelphia Newark Denver Boston Dallas Miami Phoenix London",
    "北京 上海 广州 深圳 成都 武汉 重庆 天津 西安 济南 厦门",
)
_NAMES: Final = re.compile("(?:" + "|".join(_GROUPS[:2]).replace(" ", "|") + r")\b|" + _GROUPS[2].replace(" ", "|"))


class Variation:
    """One copy's way of swapping; equal texts become equal texts."""

    def __init__(self, copy: int, seed: int) -> None:
        draw = random.Random(f"{seed}/{copy}")  # noqa: S311 (nothing secret)
        self._copy = copy
        self._digits = str.maketrans(_DIGITS, "".join(draw.sample(_DIGITS, len(_DIGITS))))
        groups = [group.split() for group in _GROUPS]
        self._names = {
            old: new for group in groups for old, new in zip(group, draw.sample(group, len(group)), strict=True)
        }
        base = len(_SYLLABLES)
        self._word = "".join(_SYLLABLES[copy // base**i % base] for i in (2, 1, 0))

    def text(self, text: str) -> str:
        r"""The text with digits and names swapped; one with \u escapes of JSON in it keeps its digits."""
        text = _NAMES.sub(lambda found: self._names[found[0]], text)
        return text if "\\u" in text else text.translate(self._digits)

    def value(self, value: Any) -> Any:  # noqa: ANN401 (any JSON)
        """The JSON value with all its strings and numbers varied, keys left."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, int | float) and not isinstance(value, bool) and (digits := repr(value)).find("e") < 0:
            return type(value)(digits.translate(self._digits))
        return value

    def identity(self, old: int | str) -> int | str:
        """Another id of the same type."""
        return old + self._copy * 1_000_000 if isinstance(old, int) else f"{old}-{self._copy}"

    def each(self, holders: Iterable[dict[str, Any]], key: str) -> None:
        """Varies `key` wherever it holds a value."""
        for holder in holders:
            if holder.get(key) is not None:
                holder[key] = self.value(holder[key])

    def mark(self, holders: Iterable[dict[str, Any]], key: str) -> None:
        """Puts the copy's word behind the first of these texts that says something."""
        if said := next((h for h in holders if isinstance(h.get(key), str) and h[key].strip()), None):
            said[key] = f"{said[key]} {self._word}"


def _star(record: dict[str, Any], vary: Variation) -> None:
    record["DialogueID"] = vary.identity(record["DialogueID"])
    events = record["Events"]
    vary.each((e for e in events if e["Action"] in ("utter", "pick_suggestion")), "Text")
    vary.each((e for e in events if e["Action"] == "query"), "Constraints")
    vary.each((e for e in events if e["Action"] == "return_item"), "Item")
    vary.mark((e for e in events if (e["Agent"], e["Action"]) == ("User", "utter")), "Text")


def _stc3(record: dict[str, Any], vary: Variation) -> None:
    record["id"] = vary.identity(record["id"])
    vary.each(record["turns"], "utterances")
    said = (
        (t["utterances"], i) for t in record["turns"] if t["sender"] == "customer" for i in range(len(t["utterances"]))
    )
    if found := next(((texts, i) for texts, i in said if texts[i].strip()), None):
        texts, i = found
        held = {"text": texts[i]}
        vary.mark([held], "text")
        texts[i] = held["text"]


def _tau(record: dict[str, Any], vary: Variation) -> None:
    key = "task_id" if "traj" in record else "id"
    record[key] = vary.identity(record[key])
    messages = record["traj"] if "traj" in record else record["messages"]
    vary.each(messages, "content")
    calls = [call.get("function", call) for message in messages for call in message.get("tool_calls") or ()]
    vary.each(calls, "arguments")
    vary.mark((m for m in messages if m["role"] == "user"), "content")


def _taskmaster(record: dict[str, Any], vary: Variation) -> None:
    record["conversation_id"] = vary.identity(record["conversation_id"])
    utterances = record["utterances"]
    vary.each(utterances, "text")
    annotations = [a for u in utterances for a in u.get("annotations") or ()]
    vary.each((a for a in annotations if a["name"] in ("request", "response")), "value")
    vary.mark((u for u in utterances if u["speaker"] == "user"), "text")


FORMATS: Final[dict[str, Callable[[dict[str, Any], Variation], None]]] = {
    "star": _star,
    "stc3": _stc3,
    "tau": _tau,
    "taskmaster": _taskmaster,
}


def cached(data: Path, times: int) -> Path:
    """A corpus in the system's folder for temporary files, made once for these data, this scale and this code."""
    if not data.is_dir():
        sys.exit(f"the real sets are not at {data}; give their folder with --data")
    try:
        files = [list(file) for source in load(PLAN, str(data)).sources for file in source.freeze()]
    except InputError as error:
        sys.exit(f"the real sets at {data} are not whole: {error}")
    made_of = orjson.dumps([times, files, Path(__file__).read_text(encoding="utf-8")])
    found = Path(tempfile.gettempdir()) / f"refinery-corpus-{hashlib.sha256(made_of).hexdigest()[:16]}"
    if not found.exists():
        print(f"writing {times} x the real logs to {found}", file=sys.stderr)
        with tempfile.TemporaryDirectory(dir=found.parent) as scratch:
            write(data, Path(scratch) / "corpus", times)
            (Path(scratch) / "corpus").rename(found)
    return found


def write(data: Path, target: Path, scale: int, seed: int = 1) -> None:
    """Writes `scale` copies of all that the plan reads below `data`, one document in memory at a time."""
    data = data.resolve()
    for source in load(PLAN, source=str(data)).sources:
        named = target / Path(source.path).relative_to(data)
        for file in source.freeze():
            place = (named.parent if "*" in named.name else named) / Path(file.name).parent
            place.mkdir(parents=True, exist_ok=True)
            path = Path(file.url.removeprefix("file://"))
            for copy in range(scale):
                _copy(path, place / f"{copy:04d}-{path.name}", source.format, Variation(copy, seed) if copy else None)


def _copy(path: Path, target: Path, form: str, vary: Variation | None) -> None:
    if path.name.endswith(ARCHIVE_SUFFIXES):
        stem = target.name.partition(".")[0]
        members = ((name, _varied(body, form, vary)) for name, body in _members(path))
        for number, part in enumerate(_parts(members)):
            _pack(target.with_name(f"{stem}-{number:03d}.tar.gz"), part)
    else:
        target.write_bytes(_varied(path.read_bytes(), form, vary))


def _varied(body: bytes, form: str, vary: Variation | None) -> bytes:
    if vary is None:
        return body
    document = orjson.loads(body)
    records = document if isinstance(document, list) else document.get("simulations", [document])
    for record in records:
        FORMATS[form](record, vary)
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 if b"\n" in body[:3] else None)


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            if content := archive.extractfile(member) if member.isfile() else None:
                yield member.name, content.read()


def _parts(members: Iterator[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    part, size = list[tuple[str, bytes]](), 0
    for member in members:
        if part and size + len(member[1]) > PART_BYTES:
            yield part
            part, size = [], 0
        part.append(member)
        size += len(member[1])
    yield part


def _pack(path: Path, members: list[tuple[str, bytes]]) -> None:
    with (
        path.open("wb") as file,
        gzip.GzipFile("", "wb", 6, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for name, body in members:
            member = tarfile.TarInfo(name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("target", type=Path)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--scale", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    write(given.data, given.target, given.scale, given.seed)
