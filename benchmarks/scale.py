"""Writes a corpus of N conversations from the real logs, every set in its own format, by seeded variation.

    python -m benchmarks.scale TARGET --conversations 100000

The plan that reads the real logs reads the corpus too (`--source TARGET`): a path that names one file becomes a folder
of that name. The corpus is as many whole copies of the real logs as N holds, and of one copy more the conversations
that are missing, spread evenly over it: sets and lengths have the same shares at every N. Copy 0 is the original, byte
for byte where it is whole. In every other copy ids are new, and in what was said and done
digits (but 0, 1 and 2: phones, years and numbers keep their shape), names and cities are swapped, one way a copy; the
first text of the customer ends on a word of the copy. So conversations that were equal within the original stay equal
within a copy, no conversation that has a customer equals one of another copy, and two copies of one conversation are
near duplicates. Checksums of cards and identity numbers do not survive. Hidden fields stay as they are.
"""

import argparse
import gzip
import hashlib
import io
import multiprocessing
import os
import random
import re
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from refinery.errors import InputError
from refinery.intake.source import ARCHIVE_SUFFIXES, File, Source
from refinery.plan import load

PLAN: Final = Path(__file__).resolve().parents[1] / "pipelines" / "plans" / "all_sets.yaml"
DATA: Final = PLAN.parents[2].parent / "shared" / "data"
PACK_BYTES: Final = 6 * 2**20
"""Of an archive, unpacked. The documents are smaller than 8 MB as they are, and are not cut."""
BYTES_EACH: Final = 5_000
"""Of disk a conversation takes, about."""
_FACTS: Final = "corpus.json"

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


class Part(NamedTuple):
    """One file of one copy: the conversations `keep` picks by their number among all of the real logs."""

    path: Path
    target: Path
    form: str
    copy: int
    seed: int
    first: int  # number of the file's first conversation
    keep: "Share"
    pack_bytes: int  # of an archive, unpacked, after which another begins


class Share(NamedTuple):
    """`wanted` of `total` numbers, spread evenly."""

    wanted: int
    total: int

    def __contains__(self, number: object) -> bool:
        assert isinstance(number, int)
        return (number + 1) * self.wanted // self.total > number * self.wanted // self.total

    @property
    def whole(self) -> bool:
        """Whether it picks all."""
        return self.wanted == self.total


ALL: Final = Share(1, 1)


class Facts(NamedTuple):
    """A corpus: conversations, bytes of its files, and bytes once they are unpacked."""

    conversations: int
    bytes: int
    unpacked: int


def cached(data: Path, conversations: int) -> tuple[Path, Facts]:
    """A corpus in the system's folder for temporary files, made once for these data, this size and this code."""
    if not data.is_dir():
        sys.exit(f"the real sets are not at {data}; give their folder with --data")
    try:
        files = [list(file) for source in load(PLAN, str(data)).sources for file in source.freeze()]
    except InputError as error:
        sys.exit(f"the real sets at {data} are not whole: {error}")
    made_of = orjson.dumps([conversations, files, Path(__file__).read_text(encoding="utf-8")])
    found = Path(tempfile.gettempdir()) / f"refinery-corpus-{hashlib.sha256(made_of).hexdigest()[:16]}"
    if not found.exists():
        need, free = conversations * BYTES_EACH, shutil.disk_usage(found.parent).free
        if need > free:
            sys.exit(f"{found.parent} has {free / 2**30:.0f} GiB free, the corpus needs about {need / 2**30:.0f} GiB")
        print(f"writing {conversations:,} conversations to {found}", file=sys.stderr)
        with tempfile.TemporaryDirectory(dir=found.parent) as scratch:
            facts = write(data, Path(scratch) / "corpus", conversations)
            (Path(scratch) / "corpus" / _FACTS).write_bytes(orjson.dumps(facts._asdict()))
            (Path(scratch) / "corpus").rename(found)
    return found, Facts(**orjson.loads((found / _FACTS).read_bytes()))


def write(data: Path, target: Path, conversations: int, seed: int = 1, pack_bytes: int = PACK_BYTES) -> Facts:
    """Writes the corpus; copies of files are independent of each other, and made on all cores."""
    parts = list[Part]()
    sizes = [(source, file, _size(file, source.format)) for source, file in _files(data)]
    total = sum(size for *_, size in sizes)
    for copy in range(-(-conversations // total)):
        share, first = Share(min(total, conversations - copy * total), total), 0
        for source, file, size in sizes:
            named = target / Path(source.path).relative_to(data.resolve())
            place = (named.parent if "*" in named.name else named) / Path(file.name).parent
            place.mkdir(parents=True, exist_ok=True)
            path = Path(file.url.removeprefix("file://"))
            made = place / f"{copy:04d}-{path.name}"
            parts.append(Part(path, made, source.format, copy, seed, first, share, pack_bytes))
            first += size
    with multiprocessing.get_context("spawn").Pool(os.cpu_count()) as pool:
        done = pool.map(_copy, parts, chunksize=1)
    return Facts(*(sum(column) for column in zip(*done, strict=True)))


def _files(data: Path) -> Iterator[tuple[Source, File]]:
    for source in load(PLAN, source=str(data.resolve())).sources:
        for file in source.freeze():
            yield source, file


def _size(file: File, form: str) -> int:
    path = Path(file.url.removeprefix("file://"))
    if path.name.endswith(ARCHIVE_SUFFIXES):
        return sum(1 for _ in _members(path))
    return len(_records(orjson.loads(path.read_bytes())))


def _copy(part: Part) -> Facts:
    vary = Variation(part.copy, part.seed) if part.copy else None
    name, first = part.path.name, part.first
    if not name.endswith(ARCHIVE_SUFFIXES):
        body, num = _varied(part.path.read_bytes(), part.form, vary, part.keep, first)
        part.target.write_bytes(body)
        return Facts(num, len(body), len(body))
    kept = [member for number, member in enumerate(_members(part.path), first) if number in part.keep]
    members = [(inner, _varied(body, part.form, vary, ALL, 0)[0]) for inner, body in kept]
    stem, size = part.target.name.partition(".")[0], 0
    for number, some in enumerate(_packs(members, part.pack_bytes)):
        made = part.target.with_name(f"{stem}-{number:03d}.tar.gz")
        _pack(made, some)
        size += made.stat().st_size
    return Facts(len(members), size, sum(len(body) for _, body in members))


def _records(document: Any) -> list[Any]:  # noqa: ANN401 (any JSON)
    return document if isinstance(document, list) else document.get("simulations", [document])


def _varied(body: bytes, form: str, vary: Variation | None, keep: Share, first: int) -> tuple[bytes, int]:
    """The document with the records that are kept, varied, and how many they are."""
    document = orjson.loads(body)
    records = _records(document)
    if vary is None and keep.whole:
        return body, len(records)
    if not keep.whole:
        records[:] = [record for number, record in enumerate(records, first) if number in keep]
    for record in records if vary else ():
        FORMATS[form](record, vary)
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 if b"\n" in body[:3] else None), len(records)


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            if content := archive.extractfile(member) if member.isfile() else None:
                yield member.name, content.read()


def _packs(members: list[tuple[str, bytes]], limit: int) -> Iterator[list[tuple[str, bytes]]]:
    part, size = list[tuple[str, bytes]](), 0
    for member in members:
        if part and size + len(member[1]) > limit:
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
    parser.add_argument("--conversations", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(write(given.data, given.target, given.conversations, given.seed))
