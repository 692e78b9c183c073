"""Invented conversations in Chinese and English, and seeded ways to make a copy of one that is not byte-equal."""

import random
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from refinery.intake.rows import ROWS
from refinery.stage import ROW

Turn = dict[str, Any]
Talk = list[Turn]
LANGUAGES = ("zh", "en")
_ZH = "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题党程展五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指"  # noqa: E501, RUF001 (the commonest characters)
_EN = "about after again against area back because before being between both bring build call came cause change child city close come country course cover early earth enough even every example face family father feel few figure find first follow food form found friend give good great group grow half hand hard head help high home hour house idea keep kind land large last late learn leave letter life light line list little live long look made make many mean might mile more most mother mountain move much music name near need never night north note number often once open order other over page paper part people picture place plant play point port problem product question read real right river road room rule same school science second seem sentence serve several shape should show side simple small sound south spell stand start state still stop story study such sure table take talk teach tell thing think though thought through time together took town travel tree turn under until upon usual voice walk want watch water well what wheel where which while white whole wind with without wood word work world would write year young"  # noqa: E501
_WORDS = _EN.split()


def talk(seed: int, language: str, num_chars: int = 400) -> Talk:
    """A conversation of about so many characters like no other; its facts are few."""
    rng = random.Random(f"{seed} {language}")
    turns: Talk = []
    while sum(len(turn["content"]) for turn in turns) < num_chars:
        size = rng.randint(12, 60)
        if language == "zh":
            text = "".join(rng.choice(_ZH) for _ in range(size // 2))
            text = f"{text[: size // 4]}，{text[size // 4 :]}。"
        else:
            text = " ".join(rng.choice(_WORDS) for _ in range(size // 5)).capitalize() + "."
        turns.append(turn("user" if len(turns) % 2 == 0 else "assistant", text))
    return turns


def turn(role: str, content: str, **call: str) -> Turn:
    """One message, with a call of the tool `name` where arguments are given."""
    calls = [{"id": None, "name": name, "arguments": arguments} for name, arguments in call.items()]
    return {"turn_idx": 0, "role": role, "content": content, "tool_calls": calls}


def said(*texts: str) -> Talk:
    """Customer and agent in turn."""
    return [turn("assistant" if i % 2 else "user", text) for i, text in enumerate(texts)]


def typos(original: Talk, rng: random.Random, share: float) -> Talk:
    """Each letter, with this probability, another of its script."""

    def slip(char: str) -> str:
        if not char.isalpha() or rng.random() >= share:
            return char
        return rng.choice("abcdefghijklmnopqrstuvwxyz") if char.isascii() else rng.choice(_ZH)

    return [one | {"content": "".join(map(slip, one["content"]))} for one in original]


def dropped(original: Talk, rng: random.Random, num: float) -> Talk:
    """Without some turns."""
    gone = set(rng.sample(range(len(original)), min(int(num), len(original) - 1)))
    return [one for i, one in enumerate(original) if i not in gone]


def merged(original: Talk, rng: random.Random, num: float) -> Talk:
    """Some turns put into one with the turn before."""
    copy = list(original)
    for _ in range(min(int(num), len(copy) - 1)):
        at = rng.randrange(1, len(copy))
        copy[at - 1 : at + 1] = [copy[at - 1] | {"content": f"{copy[at - 1]['content']}\n{copy[at]['content']}"}]
    return copy


def swapped(original: Talk, rng: random.Random, num: float) -> Talk:
    """Some neighbouring turns in the other order."""
    copy = list(original)
    for _ in range(int(num)):
        at = rng.randrange(1, len(copy))
        copy[at - 1], copy[at] = copy[at], copy[at - 1]
    return copy


def truncated(original: Talk, rng: random.Random, share: float) -> Talk:
    """Its last part gone."""
    left, copy = int((1 - share) * sum(len(one["content"]) for one in original)), []
    for one in original:
        if left > 0:
            copy.append(one | {"content": one["content"][:left]})
        left -= len(one["content"])
    return copy


def restyled(original: Talk, rng: random.Random, share: float) -> Talk:
    """Letters in the other case or full width, punctuation changed or gone; not inside of numbers."""

    def other(before: str, char: str) -> str:
        if rng.random() >= share or before.isdigit():
            return char
        if char in "，。,.":
            return rng.choice(["", " ", "！", ", ", "；"])
        if char.isascii() and char.isalpha():
            return rng.choice([char.upper(), chr(ord(char) + 0xFEE0)])
        return char

    return [one | {"content": "".join(map(other, f" {one['content']}", one["content"]))} for one in original]


def reserialised(original: Talk, rng: random.Random, num: float) -> Talk:
    """Other white space, an empty turn, a system message, tool results: what another exporter writes."""
    copy = [one | {"content": f" {one['content']}\r\n".replace(". ", ".\t")} for one in original]
    return [turn("system", "You are an agent."), *copy, turn("tool", '{"ok": true}'), turn("assistant", "")]


Copy = Callable[[Talk, random.Random, float], Talk]
KINDS: dict[str, tuple[Copy, tuple[float, ...]]] = {
    "typos": (typos, (0.005, 0.01, 0.02, 0.05)),
    "dropped turns": (dropped, (1, 2, 3)),
    "merged turns": (merged, (1, 2, 3)),
    "swapped turns": (swapped, (1, 2, 3)),
    "truncation": (truncated, (0.05, 0.1, 0.2, 0.3)),
    "case, width, punctuation": (restyled, (0.1, 0.5, 1.0)),
    "serialisation": (reserialised, (1,)),
}
"""Kind of copy -> how to make it, and the strengths to try."""


def table(talks: list[Talk], **columns: list[Any]) -> pa.Table:
    """The talks as live rows, as `dedup.near` gets them; ids are c0, c1, … unless given."""
    given = {"turns": talks, "conversation_id": [f"c{i}" for i in range(len(talks))], **columns}
    names = ("turns", "signals", "outcome", "created_at", "conversation_id")
    arrays = [pa.array(given.get(name, [None] * len(talks)), ROWS.field(name).type) for name in names]
    return pa.table([*arrays, pa.array(range(len(talks)), ROW.type)], [*names, ROW.name])


def seeded(seed: object) -> random.Random:
    """A generator that gives the same everywhere."""
    return random.Random(str(seed))
