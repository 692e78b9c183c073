"""Whether a reply adheres to the knowledge unit it should rest on, as a score from what both say.

    unit "No, pets are not allowed."  reply "Yes, pets are welcome!" -> says yes where the unit says no: high

Report section 2.2.2: a classifier checks that the original reply adheres to the knowledge. Features that can be
computed, one small linear model; the reply's closing questions are no claims and are left out.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from math import log, log1p
from pathlib import Path
from typing import Final, NamedTuple

from refinery.grounding.binding import stems
from refinery.grounding.evidence import Evidence
from refinery.grounding.linear import Linear, load
from refinery.grounding.names import Lexicon
from refinery.grounding.validation import faults

MODEL: Final = Path(__file__).parent / "adherence.json"
_DENIES: Final = re.compile(
    r"\b(?:no|not|none|never|unfortunately|cannot|without|unavailable|nor|neither|closed|nothing|non|prohibited|only)\b"
    r"|n't\b|不|没|无法|未|禁止|谢绝|抱歉",
    re.IGNORECASE,
)
_SENTENCES: Final = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")


class Place(NamedTuple):
    """Where retrieval put the unit for this reply: `rank` from 0, and how far below the best, 0 to 1 of its score."""

    rank: int
    gap: float


class Weights:
    """How much a word tells, by how few of the units hold it."""

    def __init__(self, texts: Iterable[str]) -> None:
        held = Counter[str]()
        number = 0
        for text in texts:
            held.update(stems(text))
            number += 1
        self._weights = {stem: log((number + 1) / (count + 0.5)) for stem, count in held.items()}
        self._rare = log((number + 1) / 0.5)

    def total(self, words: Iterable[str]) -> float:
        """The weights of some stems together."""
        return sum(self._weights.get(word, self._rare) for word in words)


def features(
    reply: str, unit: Mapping[str, str | None], place: Place, weights: Weights, lexicon: Lexicon
) -> dict[str, float]:
    """What is compared. `unit`: background, question, solution and entity."""
    said = claims_of(reply)
    background, question, solution, entity = (unit[k] or "" for k in ("background", "question", "solution", "entity"))
    reply_stems, own, about = stems(said), stems(solution) - stems(entity), stems(question) - stems(entity)
    given = own | about | stems(entity) | stems(background)
    found = {fault.kind for fault in faults(said, Evidence([f"{background} {entity}. {question} {solution}"]), lexicon)}
    cover = weights.total(own & reply_stems) / max(1e-6, weights.total(own)) if own else 1.0
    topic = weights.total(about & reply_stems) / max(1e-6, weights.total(about)) if about else 1.0
    denies = _DENIES.search(said) is not None, _DENIES.search(solution) is not None
    return {
        "cover": cover,
        "given": weights.total(reply_stems & given) / max(1.0, weights.total(reply_stems)),
        "denies_on_topic": float(denies[0] != denies[1]) * max(cover, topic),
        "rank": log1p(place.rank),
        "gap": place.gap,
        "nearest": float(place.rank == 0),
        "foreign_name": float("name" in found),
        "foreign_value": float(bool(found - {"name"})),
    }


def strays(features: Mapping[str, float]) -> float:
    """The chance that the reply does not adhere, 0 to 1."""
    return model().score(features)


@cache
def model() -> Linear:
    """The model that ships; `threshold` is that of the benchmark's recall."""
    return load(MODEL)["strays"]


def claims_of(reply: str) -> str:
    """The reply without its questions, or all of it where it only asks."""
    parts = _SENTENCES.split(reply.strip())
    return " ".join(part for part in parts if part and not part.rstrip().endswith(("?", "？"))) or reply
