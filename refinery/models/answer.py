"""A model's answer as text -> a JSON value that is valid under its schema, or what is wrong with it, in our own words.

'{"score": 11}'  -> Checked(None, "$.score: maximum 10")
"""

from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from referencing import Registry

from refinery.errors import StageError
from refinery.text.personal import KINDS
from refinery.text.placeholders import Placeholders

_INVENTED: Final = "".join(f"[{kind}_1000000]" for kind in KINDS)
"""Reserved, so that what a model invents is never taken for a placeholder of the conversation it was asked about."""


class Checked(NamedTuple):
    """A JSON value, or the fault for which there is none."""

    value: Any
    fault: str = ""


def check(text: str, schema: dict[str, Any]) -> Checked:
    """The text read and held against the schema; a fault names place and rule, and quotes nothing of the answer.

    A bare `null` is no answer. Raises StageError where the schema itself is wrong.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return Checked(None, f"not JSON: {error.msg.partition(':')[0]} at character {error.pos}")
    wrong = best_match(_validator(orjson.dumps(schema, option=orjson.OPT_SORT_KEYS)).iter_errors(value))
    if wrong is not None:
        return Checked(None, f"{_place(list(wrong.absolute_schema_path))}: {wrong.validator} {_short(wrong)}")
    return Checked(value) if value is not None else Checked(None, "$: null")


def masked(text: str) -> str:
    """The answer with personal data masked; a value that the model invented is numbered from 1000001."""
    holders = Placeholders()
    holders.reserve(_INVENTED)
    return holders.mask(text)


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> Draft202012Validator:
    found = orjson.loads(schema)
    try:
        Draft202012Validator.check_schema(found)
    except SchemaError as error:
        raise StageError(f"an answer's schema is not JSON Schema: {error.json_path}: {error.message}") from None
    return Draft202012Validator(found, registry=Registry())  # of our own: nothing is fetched for a $ref


def _place(path: list[str | int]) -> str:
    """Where in the answer, spelled from the schema's path: a name that the answer chose is not repeated."""
    place = "$"
    for before, step in zip(["", *path], path[:-1], strict=False):
        if before == "properties":
            place += f".{step}"
        elif step != "properties":
            place += "[]" if step in {"items", "prefixItems"} else f"({step})"
    return place


def _short(error: ValidationError) -> str:
    return orjson.dumps(error.validator_value, default=str).decode()[:200]
