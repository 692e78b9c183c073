"""Changes strings and numbers inside JSON text and leaves every other byte of it alone."""

import json
import re
from collections.abc import Callable

import orjson

_TOKEN = re.compile(r'(?s)("(?:[^"\\]|\\.)*")(\s*:)?|-?[0-9][0-9.eE+-]*')
_INTEGER = re.compile("-?[0-9]+")


def is_json(text: str) -> bool:
    """Whether the text is JSON as Python writes and reads it (NaN and raw line breaks in strings are let pass)."""
    try:
        orjson.loads(text)
    except ValueError:
        return _is_lax_json(text)
    return True


def _is_lax_json(text: str) -> bool:
    try:
        json.loads(text, strict=False, parse_int=str, parse_float=str)
    except RecursionError:
        return True  # a thousand brackets deep and well-formed so far
    except ValueError:
        return False
    return True


def map_json(text: str, change: Callable[[str, str], str]) -> str:
    """JSON text -> JSON text with `change(value, key)` in place of each string, key and whole number.

    Strings are passed decoded; `key` is the key last read before the value ("" for a key). A number that changes
    becomes a string, since what replaces it is text.
    """
    last_key = ""

    def replace(match: re.Match[str]) -> str:
        nonlocal last_key
        token, colon = match[1], match[2]
        if token is None:
            return _number(match[0], change, last_key)
        value: str = json.loads(token, strict=False) if "\\" in token else token[1:-1]
        if colon is not None:
            last_key = value
            return _string(token, value, change(value, "")) + colon
        return _string(token, value, change(value, last_key))

    return _TOKEN.sub(replace, text)


def _number(token: str, change: Callable[[str, str], str], key: str) -> str:
    changed = change(token, key) if _INTEGER.fullmatch(token) else token
    return token if changed == token else json.dumps(changed, ensure_ascii=False)


def _string(token: str, value: str, changed: str) -> str:
    return token if changed == value else json.dumps(changed, ensure_ascii=r"\u" in token)
