"""Reads STC-3: helpdesk conversations with 19 annotators' votes on task, satisfaction, efficiency and each turn.

Source: NTCIR STC-3 / DCH-1. Quality A (task accomplished), S (customer satisfied) and E (effective), each -2..2, are
the three columns of Table 2 (mission.md 2.2.4). The record does not say its language and has no time.
"""

from collections.abc import Iterator
from typing import Any, Final, TypeGuard

from refinery.errors import ParseError
from refinery.intake.native import items

FORMAT: Final = "stc3"

ROLES: Final = {"customer": "user", "helpdesk": "assistant"}
DIMENSIONS: Final = {"A": "solution", "S": "satisfied", "E": "quality"}


def matches(record: object) -> TypeGuard[dict[str, Any]]:
    """Is this an STC-3 dialogue (id, turns of sender and utterances, annotations)? Never raises."""
    if not isinstance(record, dict) or not isinstance(record.get("id"), int | str):
        return False
    turns = record.get("turns")
    if not isinstance(turns, list) or not isinstance(record.get("annotations", []), list):
        return False
    first = turns[0] if turns else {"sender": "", "utterances": []}
    return isinstance(first, dict) and "sender" in first and isinstance(first.get("utterances"), list)


def records(document: object) -> Iterator[object]:
    """A list yields its items, one dialogue itself; anything else raises ParseError `wrong_shape`."""
    yield from items(document, matches, "an STC-3 document is a list of dialogues, or one with id and turns")


def native(record: object) -> dict[str, Any]:
    """The native log form of one dialogue. Raises ParseError where a turn or an annotation cannot be read."""
    if not matches(record):
        raise ParseError("wrong_shape", "an STC-3 dialogue is an object with id, turns and annotations")
    messages = [_message(turn, number) for number, turn in enumerate(record["turns"])]
    fields: dict[str, Any] = {"conversation_id": str(record["id"]), "messages": messages}
    annotations = record.get("annotations")
    if annotations:
        for message, label in zip(messages, _labels(annotations, len(messages)), strict=True):
            message["source_label"] = label
        scores = {name: _scores(annotations, letter) for letter, name in DIMENSIONS.items()}
        fields["outcome"] = {name: _verdict(values) for name, values in scores.items()}
        fields["votes"] = [
            {"dimension": name, "value": float(value), "num": values.count(value)}
            for name, values in scores.items()
            for value in sorted(set(values))
        ]
    return fields


def _message(turn: object, number: int) -> dict[str, Any]:
    """One turn as one message: its utterances were split in mid-sentence, an empty one stands for an image."""
    if not isinstance(turn, dict):
        raise ParseError("bad_turn", f"turn {number} is not an object")
    sender, utterances = turn.get("sender"), turn.get("utterances")
    role = ROLES.get(sender) if isinstance(sender, str) else None
    if role is None:
        raise ParseError("unknown_sender", f"turn {number} is from neither customer nor helpdesk")
    if not isinstance(utterances, list) or not all(isinstance(text, str) for text in utterances):
        raise ParseError("no_text", f"turn {number} has utterances that are no list of strings")
    return {"role": role, "content": "\n".join(utterances)}


def _labels(annotations: list[Any], num_turns: int) -> list[str | None]:
    """The nugget that more than half of the annotators gave each turn, or None (a tie is no majority either)."""
    nuggets = [annotation.get("nugget") if isinstance(annotation, dict) else None for annotation in annotations]
    for number, labels in enumerate(nuggets):
        if not isinstance(labels, list) or len(labels) != num_turns or not all(isinstance(x, str) for x in labels):
            raise ParseError("bad_annotation", f"annotation {number} has not one nugget a turn")
    return [_majority(sorted(labels)) for labels in zip(*nuggets, strict=True)]


def _majority(labels: list[str]) -> str | None:
    middle = labels[len(labels) // 2]  # of sorted labels: what more than half of them are stands in the middle
    return middle if 2 * labels.count(middle) > len(labels) else None


def _scores(annotations: list[Any], letter: str) -> list[int]:
    scores = []
    for number, annotation in enumerate(annotations):
        quality = annotation.get("quality")
        score = quality.get(letter) if isinstance(quality, dict) else None
        if type(score) is not int or not -2 <= score <= 2:
            raise ParseError("bad_annotation", f"annotation {number} has no quality {letter} between -2 and 2")
        scores.append(score)
    return scores


def _verdict(scores: list[int]) -> bool | None:
    """Mean above 0 yes, below 0 no, at 0 undecided; the sum of integers has the sign of the mean and no rounding."""
    total = sum(scores)
    return None if total == 0 else total > 0
