"""Makes one record after another, each of the kind asked for, and books what it planted."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from random import Random

from pipelines.demo.personal import Numbers
from pipelines.demo.phrases import load, load_plots
from pipelines.demo.plants import (
    BROKEN,
    FAULTS,
    QUALITY,
    Planted,
    break_line,
    decoys,
    plant_personal,
    plant_trap,
    spoil,
)
from pipelines.demo.surroundings import OUTCOMES, Outcome, dress
from pipelines.demo.talk import TOOLS, Record, Talk, start

MAX_MESSAGES = 14
ZONES = {"zh": timezone(timedelta(hours=8)), "en": UTC}
LANGUAGES = ("zh", "en")


def draw_time(rng: Random, language: str, day: str) -> datetime:
    """A time that falls on the same day in UTC and in China, in the zone of the language."""
    second = rng.randrange(3 * 3600, 13 * 3600)
    return (datetime.fromisoformat(f"{day}T00:00:00+00:00") + timedelta(seconds=second)).astimezone(ZONES[language])


@dataclass
class Maker:
    """Draws everything from one generator; no two records have the same turns."""

    rng: Random
    planted: Planted = field(default_factory=Planted)

    def __post_init__(self) -> None:
        self._numbers = Numbers(self.rng)
        self._phrases = {language: load(language) for language in LANGUAGES}
        self._plots = load_plots()
        self._seen: set[str] = set()

    def record(self, serial: int, kind: str, language: str, day: str) -> Record:
        """A record of a kind: clean, personal, hard_negative, a reason of QUALITY or BROKEN, an act of FAULTS.

        `plain` is clean with nothing booked, not even look-alikes.
        """
        while True:
            record, talk = self._draft(f"{language}-{day[5:]}-{serial:06}", kind, language, day)
            key = json.dumps([m for m in record["messages"] if m["role"] != "system"])
            if key not in self._seen:
                self._seen.add(key)
                break
        if kind not in BROKEN and kind != "plain":
            self._plant(record, talk, kind)
        said = [m for m in record["messages"] if m["role"] == "user"]
        if said and self.rng.random() < 0.06:
            said[0]["content"] = [{"type": "text", "text": said[0]["content"]}]
        return record

    def line(self, record: Record, reason: str) -> str:
        """The record as a line broken for the reason."""
        return break_line(record, reason, self.rng)

    def _draft(self, conversation_id: str, kind: str, language: str, day: str) -> tuple[Record, Talk]:
        rng, when = self.rng, draw_time(self.rng, language, day)
        plot = rng.choice([p for p in self._plots if _fits(p.acts, kind)])
        talk = start(rng, self._phrases[language], self._numbers, when, plot)
        outcome = self._outcome(kind)
        talk.satisfied = outcome[1] if outcome else None
        if kind == "pay":  # the fault: more than the limit that the signal states
            talk.money["comp"] = talk.money["limit"] + rng.randrange(1, 20)
            talk.voice.facts["comp"] = talk.voice.phrases.money(talk.money["comp"])
        talk.play(_acts(plot.acts, kind, rng))
        identity = rng.choice(["false", "absent", "late"]) if kind == "refund" else "proper"
        created = int(when.timestamp()) if rng.random() < 0.2 else when.isoformat()
        record = dress(talk, conversation_id, created, outcome, identity)
        if kind in QUALITY:
            spoil(record, kind, talk.voice)
        return record, talk

    def _outcome(self, kind: str) -> Outcome | None:
        if kind in FAULTS or kind in QUALITY:
            return self.rng.choice([(True, True, False), (True, False, False), (False, False, None), None])
        outcomes, weights = zip(*OUTCOMES, strict=True)
        return None if self.rng.random() < 0.08 else self.rng.choices(outcomes, weights)[0]

    def _plant(self, record: Record, talk: Talk, kind: str) -> None:
        """Adds what the kind wants and books it under the record's id."""
        book, name = self.planted, record["conversation_id"]
        if kind == "personal":
            book.personal += [(name, *found) for found in plant_personal(record, self._numbers, talk.voice)]
        if kind in ("clean", "personal") and self.rng.random() < 0.2:
            plant_trap(record, talk.voice)
        if kind in QUALITY:
            book.quality.append((name, kind))
        elif kind in FAULTS:
            book.faults.append((name, FAULTS[kind], talk.marks[kind]))
        elif kind == "hard_negative":
            book.hard_negatives.append((name, talk.marks["safe"]))
        book.decoys += [(name, *decoy) for decoy in decoys(record, talk.voice.facts)]


def _fits(plot: list[str], kind: str) -> bool:
    """Whether a plot of these acts can carry the kind within MAX_MESSAGES."""
    num = 1 + len(plot) + len(TOOLS.keys() & set(plot))
    match kind:
        case "refund":
            return "refund" in plot and not {"confirm", "cancel"} & set(plot)
        case "pay":
            return "pay" in plot
        case "ask_secret" | "hard_negative":
            return num + 2 <= MAX_MESSAGES
    return kind not in QUALITY or (len(plot) >= 5 and not {*TOOLS, "ring"} & set(plot))


def _acts(plot: list[str], kind: str, rng: Random) -> list[str]:
    """The plot's acts, optional ones drawn, with the two acts of an exchange that the kind puts before the end."""
    acts = [act.rstrip("?") for act in plot if not act.endswith("?") or rng.random() < 0.5]
    extra = {"ask_secret": ["ask_secret", "hesitate"], "hard_negative": ["scam", "safe"]}.get(kind, [])
    end = acts.index("thank")
    return acts[:end] + extra + acts[end:]
