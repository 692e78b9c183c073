"""JSON bytes to values, or why not: encoding, depth, a key that stands twice, a tree that outgrows its text."""

import json
from typing import Any, Final

import orjson

from refinery.errors import ParseError

MAX_DEPTH: Final = 254
"""As deep as orjson writes; it reads 1,024 levels."""
_TREE: Final = 8
"""Bytes of Python values that a byte of the limit may become: 512 MiB for a line, 4 GiB for a document by default."""
_WORDS: Final = (("depth limit", "nested_too_deep"), ("surrogate in string", "lone_surrogate"))
_TWICE: Final = object()


def parsed(data: bytes | bytearray, max_bytes: int, reason: str) -> Any:  # noqa: ANN401 (any JSON value)
    """The value that the text holds; raises ParseError, with no log text in it.

    `reason` is that of a text whose values would take over eight times `max_bytes` of memory (`{},` takes 30 times its
    own bytes).
    """
    # At the least three bytes a value: text that is short enough is not counted.
    if len(data) * 100 > _TREE * max_bytes and _tree_bytes(data) > _TREE * max_bytes:
        raise ParseError(
            reason, f"its values would take over {_TREE * max_bytes} bytes of memory; write shorter records"
        )
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise _refusal(data, error) from None


def repeated(data: bytes | bytearray, value: object) -> set[int]:
    """`id` of what holds a key twice in one object: an item of the list that the value is, or the value itself.

    JSON readers keep the last of such a key, and which text a person sees depends on the reader. A key that is lost
    takes its two quotes with it, so quotes of the text are counted against those of the value written out; only where
    they differ is the text read again. Raises ParseError where the value nests too deep.
    """
    whole = len(data) < 2**20
    if data.count(b'"') == (_dumped(value).count(b'"') if whole else _num_quotes(value)):
        return set()
    read: Any = json.loads(data, object_pairs_hook=_twice, parse_int=str, parse_float=str)
    if isinstance(value, list) and isinstance(read, list):
        return {id(item) for item, found in zip(value, read, strict=True) if _holds(found)}
    return {id(value)} if _holds(read) else set()


def _tree_bytes(data: bytes | bytearray) -> int:
    """About what the values take: 232 bytes an object of one to five keys, 88 a list, 64 a text or number."""
    return 232 * data.count(b"{") + 88 * data.count(b"[") + 64 * data.count(b",")


def _refusal(data: bytes | bytearray, error: orjson.JSONDecodeError) -> ParseError:
    """Only the kind of fault and its place: the parser's words are of a fixed set and quote nothing."""
    head = data[:4]
    if 0 in head and any(head):
        return ParseError("not_utf8", "written as UTF-16 or UTF-32; write UTF-8")
    try:
        data.decode()
    except UnicodeDecodeError as other:
        return ParseError("not_utf8", f"byte {other.start} is not UTF-8; write UTF-8")
    reason = next((reason for words, reason in _WORDS if words in error.msg), "not_json")
    return ParseError(reason, f"{error.msg}, at character {error.pos}")


def _dumped(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise ParseError("nested_too_deep", f"over {MAX_DEPTH} levels") from None


def _num_quotes(value: object, levels: int = 2) -> int:
    """Quotes in a value, written out piece by piece: a document may be large."""
    if levels and isinstance(value, dict):
        return sum(_num_quotes(key, 0) + _num_quotes(inner, levels - 1) for key, inner in value.items())
    if levels and isinstance(value, list):
        return sum(_num_quotes(inner, levels - 1) for inner in value)
    return _dumped(value).count(b'"')


def _twice(pairs: list[tuple[str, object]]) -> object:
    found = len({key for key, _ in pairs}) < len(pairs) or any(_holds(inner) for _, inner in pairs)
    return _TWICE if found else None


def _holds(read: object) -> bool:
    return read is _TWICE or (isinstance(read, list) and any(_holds(inner) for inner in read))
