"""Retrieval's ranking: whether the unit that a text rests on is among the first k of its scenario; two languages."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from benchmarks import validated
from refinery.knowledge.ranking import Index, index, rank

_FIRST: Final = (1, 5, 10, 50)


def lines(data: Path, shown: Callable[[int, int], str]) -> list[str]:
    """Markdown: a row a set and scope."""
    out = ["", "## Retrieval", "", "| text -> unit | among | " + " | ".join(f"first {k}" for k in _FIRST) + " |"]
    out.append("|---|---|" + "---|" * len(_FIRST))
    for name, among, places in (*_dstc9(data), _chinese(data)):
        cells = [shown(int((places < k).sum()), len(places)) for k in _FIRST]
        out.append(f"| {name} | {among:,.0f} units | " + " | ".join(cells) + " |")
    return out


Found = tuple[str, float, npt.NDArray[np.int64]]


def _dstc9(data: Path) -> Iterator[Found]:
    known = validated.snippets(data)
    at = [(domain, key, doc) for domain, es in known.items() for key, e in es.items() for doc in e["docs"]]
    found = index(pa.array([validated.written(domain, known[domain][key], doc) for domain, key, doc in at]))
    place = {key: i for i, key in enumerate(at)}
    labels = [
        label
        for label in orjson.loads((data / "dstc9" / "data_eval" / "test" / "labels.json").read_bytes())
        if label["target"]
    ]
    golds = [(g["domain"], str(g["entity_id"]), str(g["doc_id"])) for label in labels for g in label["knowledge"]]
    for name, part in (("the domain's", 1), ("the entity's", 2)):
        scopes: dict[tuple[str, ...], list[int]] = {}
        for i, key in enumerate(at):
            scopes.setdefault(key[:part], []).append(i)
        asked = [(label["response"], place[g], scopes[g[:part]]) for label, g in zip(labels, golds, strict=True)]
        yield f"dstc9 human reply -> its snippet, among {name}", *_ranked(found, asked)


def _chinese(data: Path) -> Found:
    paragraphs = [
        paragraph
        for one in orjson.loads((data / "general" / "cmrc2018_dev.json").read_bytes())["data"]
        for paragraph in one["paragraphs"]
    ]
    found = index(pa.array([paragraph["context"] for paragraph in paragraphs]))
    every = list(range(len(paragraphs)))
    asked = [(qa["question"], i, every) for i, paragraph in enumerate(paragraphs) for qa in paragraph["qas"]]
    return "CMRC 2018 dev question (Chinese) -> its paragraph", *_ranked(found, asked)


def _ranked(found: Index, asked: Sequence[tuple[str, int, list[int]]]) -> tuple[float, npt.NDArray[np.int64]]:
    """How many units on average, and the place of each text's unit; one beyond the last looked at where it is none."""
    places = []
    for text, gold, among in asked:
        order, _ = rank(found, pa.array([text]), np.array(among), max(_FIRST))
        at = np.flatnonzero(order[0] == gold)
        places.append(int(at[0]) if len(at) else max(_FIRST))
    return float(np.mean([len(among) for *_, among in asked])), np.array(places)
