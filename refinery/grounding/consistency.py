"""Whether an agent's last turn contradicts the query, the history or the records: what is compared, and by what weight.

    query "the meeting on the 1st with martha"  reply "set for the 1st with alex" -> query: party differs

Values are found by the records' own attributes, whatever these are called; nothing is known of any domain. Three
verdicts, as CI-ToD has them: against the query (what the customer wants), the history (what the agent said) and the
records (the knowledge base).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from refinery.grounding.linear import Linear, load

MODELS: Final = Path(__file__).parent / "consistency.json"
AGAINST: Final = ("query", "history", "records")
Row = Mapping[str, str]
Vocabulary = Mapping[str, frozenset[str]]
Said = dict[str, set[str]]
_BEST: Final = re.compile(r"\b(?:nearest|closest|quickest|fastest|shortest|cheapest|least|lowest|earliest|nearby)\b|最")
_AVOID: Final = re.compile(r"\b(?:no|not|avoids?|avoiding|without)\b|不要|避开")
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")
_ASKS: Final = frozenset("would which what do does when where how".split())
_DENIES: Final = frozenset("no not don isn doesn didn cannot can't unfortunately".split())


def vocabulary(rows: Iterable[Row]) -> dict[str, frozenset[str]]:
    """All values that records have, by attribute."""
    found: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.items():
            if flat(value):
                found.setdefault(name, set()).add(flat(value))
    return {name: frozenset(values) for name, values in found.items()}


def flat(text: str) -> str:
    """Lower case, letters and digits of any script, single spaces."""
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def contradicts(features: Mapping[str, float]) -> dict[str, bool]:
    """The three verdicts."""
    models = _models()
    return {name: models[name].score(features) >= models[name].threshold for name in AGAINST}


@cache
def _models() -> dict[str, Linear]:
    return load(MODELS)


def compared(turns: Sequence[tuple[str, str]], rows: Sequence[Row], known: Vocabulary) -> dict[str, float]:
    """What a dialogue's last turn says beside the rest. `turns`: (customer or agent, text), the agent's last.

    `known`: the values that the business's records have at all.
    """
    reply = turns[-1][1]
    asked = next((text for who, text in reversed(turns[:-1]) if who == "customer"), "")
    customer = " . ".join(text for who, text in turns[:-1] if who == "customer")
    agent = " . ".join(text for who, text in turns[:-1] if who != "customer")
    items = [{name: flat(value) for name, value in row.items() if flat(value)} for row in rows]
    said, query, wants, told = (_said(text, known) for text in (reply, asked, customer, agent))
    words, asking = set(flat(reply).split()), set(flat(asked).split())
    return {
        **_against_rows(said, items),
        **_against_turns(said, query, wants, told, items),
        **_best(said, wants, items, reply, customer),
        "turns": len(turns) / 6,
        "words": len(words) / 15,
        "new_words": len(words - set(flat(customer).split()) - set(flat(agent).split())) / max(1, len(words)),
        "shared_with_query": len(words & asking) / max(1, len(words)),
        "asks": float("?" in reply or bool(words & _ASKS)),
        "denies": float(bool(words & _DENIES)),
        "asked_not_said": sum(name not in said and bool(asking & set(flat(name).split())) for name in known),
    }


def _said(text: str, known: Vocabulary) -> Said:
    """The values of each attribute that a text names, the longest where one holds another."""
    padded = f" {flat(text)} "
    found: Said = {}
    for name, values in known.items():
        here = {value for value in values if len(value) > 1 and f" {value} " in padded}
        here = {value for value in here if not any(value != other and value in other for other in here)}
        if here:
            found[name] = here
    return found


def _matches(item: Row, said: Said) -> int:
    return sum(item.get(name) in values for name, values in said.items())


def _nearest(items: Sequence[Row], said: Said) -> list[Row]:
    """The records with which a text shares most, if it shares anything."""
    most = max((_matches(item, said) for item in items), default=0)
    return [item for item in items if most and _matches(item, said) == most]


def _unmatched(said: Said, items: Sequence[Row]) -> int:
    """Attributes of which the text names values that none of the records has."""
    return sum(not any(item.get(name) in values for item in items) for name, values in said.items()) if items else 0


def _against_rows(said: Said, items: Sequence[Row]) -> dict[str, float]:
    most = max((_matches(item, said) for item in items), default=0)
    there = {name: {item.get(name) for item in items} for name in said}
    return {
        "no_records": float(not items),
        "attributes": len(said) / 4,
        "values": sum(map(len, said.values())) / 4,
        "several_values": float(any(len(values) > 1 for values in said.values())),
        "matched": most / 4,
        "beyond_best_record": float(len(said) - most) if items else 0.0,
        "any_beyond": float(bool(items) and len(said) > most),
        "not_in_records": float(sum(len(values - there[name]) for name, values in said.items())) if items else 0.0,
    }


def _differs(one: Said, other: Said) -> float:
    return float(sum(not values & other[name] for name, values in one.items() if name in other))


def _against_turns(said: Said, query: Said, wants: Said, told: Said, items: Sequence[Row]) -> dict[str, float]:
    of_wants, of_told, of_both = (_nearest(items, one) for one in (wants, told, _both(wants, told)))
    new = {name: values for name, values in said.items() if name not in wants and name not in told}
    return {
        "differs_from_query": _differs(said, query),
        "differs_from_wants": _differs(said, wants),
        "any_differs_from_wants": float(_differs(said, wants) > 0),
        "differs_from_told": _differs(said, told),
        "any_differs_from_told": float(_differs(said, told) > 0),
        "not_of_wanted_record": float(_unmatched(said, of_wants)),
        "not_of_told_record": float(_unmatched(said, of_told)),
        "not_of_either_record": float(_unmatched(said, of_both)),
        "record_lacks_wants": float(_unmatched(wants, _nearest(items, said))),
        "record_lacks_told": float(_unmatched(told, _nearest(items, said))),
        "brought_up": float(len(new)) if not items else 0.0,
        "told_before": float(bool(told)),
        "kept": float(sum(bool(values & told.get(name, set())) for name, values in said.items())),
    }


def _both(one: Said, other: Said) -> Said:
    return {name: one.get(name, set()) | other.get(name, set()) for name in {*one, *other}}


def _best(said: Said, wants: Said, items: Sequence[Row], reply: str, customer: str) -> dict[str, float]:
    """Whether the record spoken of is not the least in a number, among those that share a value with it."""
    worse = 0.0
    for item in _nearest(items, said):
        alike = [other for other in items if any(item.get(name) == other.get(name) for name in {*wants, *said})]
        worse = max(worse, *(float(_least(other, item)) for other in alike), 0.0)
    avoided = float(bool(_AVOID.search(customer)) and any(name in said for name in wants))
    best = float(bool(_BEST.search(reply))), float(bool(_BEST.search(customer)))
    return {
        "says_best": best[0],
        "wants_best": best[1],
        "not_best": worse,
        "not_best_said": worse * best[0],
        "not_best_wanted": worse * best[1],
        "avoids": avoided,
    }


def _least(other: Row, item: Row) -> bool:
    """Whether the other record has a smaller number in an attribute that counts something."""
    for name, value in item.items():
        mine, theirs = _NUMBER.match(value), _NUMBER.match(other.get(name, ""))
        if mine and theirs and value[mine.end() :] == other[name][theirs.end() :] and float(theirs[0]) < float(mine[0]):
            return True
    return False
