"""Encodings, marks, line ends and what is nearly JSON."""
# ruff: noqa: E501 (cases read best a line each)

import json
from pathlib import Path

import orjson

from tests.intake.hostile.case import PHONE, Case, beside, good, lines, said

_SAID = json.dumps(said(), ensure_ascii=False)
_MARK = b"\xef\xbb\xbf"
_SAID_ASCII = b'{"messages": [{"role": "user", "content": "call ' + PHONE.encode() + b'%s"}]}'


def _wide(encoding: str) -> bytes:
    return (_SAID + "\n" + _SAID + "\n").encode(encoding)


def _deep(levels: int) -> bytes:
    return b'{"messages": [], "phone": "%s", "x": ' % PHONE.encode() + b"[" * levels + b"]" * levels + b"}"


def _long_document(path: Path) -> None:
    path.write_bytes(b"[" + b",".join(good(n) for n in range(60_000)) + b"]")


CASES = [
    # A line end of UTF-16 is two bytes, so its second begins the next line, and the last line is that byte alone.
    Case("utf16_with_mark.jsonl", "UTF-16, as Windows writes it", _wide("utf-16"), 0, {"not_utf8": 2, "not_json": 1}),
    Case("utf16_be.jsonl", "UTF-16, big end first, without a mark", _wide("utf-16-be"), 0, {"not_utf8": 2}),
    Case("utf32.jsonl", "UTF-32", _wide("utf-32-le"), 0, {"not_utf8": 2, "not_json": 1}),
    Case("utf16.json", "a UTF-16 document", _SAID.encode("utf-16"), 0, faults={"not_utf8": 1}),
    Case("gbk.json", "a GBK document", _SAID.encode("gbk"), 0, faults={"not_utf8": 1}),
    Case("gbk_line.jsonl", "one line in GBK", beside(_SAID.encode("gbk")), 2, {"not_utf8": 1}),
    Case("latin1_line.jsonl", "one line in Latin-1", beside(json.dumps(said("Zoë"), ensure_ascii=False).encode("latin-1")), 2, {"not_utf8": 1}),
    Case("invalid_byte.jsonl", "one byte that is no UTF-8", beside(_SAID_ASCII % b"\xff"), 2, {"not_utf8": 1}),
    Case("overlong.jsonl", "a slash in two bytes", beside(_SAID_ASCII % b"\xc0\xaf"), 2, {"not_utf8": 1}),
    Case("surrogate_bytes.jsonl", "half a character, as bytes", beside(_SAID_ASCII % b"\xed\xa0\x80"), 2, {"not_utf8": 1}),
    Case("surrogate_escape.jsonl", "half a character, escaped", beside(_SAID_ASCII % b"\\ud83d"), 2, {"lone_surrogate": 1}),
    Case("surrogate_swapped.jsonl", "the halves in the wrong order", beside(_SAID_ASCII % b"\\ude00\\ud83d"), 2, {"lone_surrogate": 1}),
    Case("mark.jsonl", "a mark at the start", _MARK + lines(good(1), good(2)), 2),
    Case("marks.jsonl", "a mark at every line, as files put together have", lines(_MARK + good(1), _MARK + good(2)), 2),
    Case("mark.json", "a mark before a document", _MARK + b"[" + good(1) + b"," + good(2) + b"]", 2),
    Case("only_a_mark.jsonl", "a mark and nothing else", _MARK, 0),
    Case("nul_in_line.jsonl", "a null byte in a text", beside(_SAID_ASCII % b"\0"), 2, {"not_json": 1}),
    Case("nul_block.jsonl", "a block of nulls, as a crash leaves it", lines(good(1), good(2)) + bytes(65_536), 2, {"not_json": 1}),
    Case("nul_escaped.jsonl", "an escaped null, which is text", beside(said("a\0b")), 3),
    Case("control_raw.jsonl", "a raw escape character", beside(_SAID_ASCII % b"\x1b[31m"), 2, {"not_json": 1}),
    Case("crlf.jsonl", "line ends of Windows", lines(good(1), good(2)).replace(b"\n", b"\r\n"), 2),
    Case("cr_only.jsonl", "line ends of old Macs: one line", (good(1) + b"\r" + _SAID.encode() + b"\r"), 0, {"not_json": 1}),
    Case("no_final_newline.jsonl", "no end of the last line", lines(good(1)) + good(2), 2),
    Case("line_separators.jsonl", "U+2028 and U+0085 in a text", beside(said("a\u2028b\u0085c")), 3),
    Case("empty.jsonl", "no byte at all", b"", 0),
    Case("whitespace.jsonl", "blanks and empty lines", b"  \n\t\n\r\n   ", 0),
    Case("empty.json", "a document without a byte", b"", 0, faults={"empty_file": 1}),
    Case("whitespace.json", "a document of blanks", b" \n\t ", 0, faults={"empty_file": 1}),
    Case("only_a_mark.json", "a document of a mark", _MARK, 0, faults={"empty_file": 1}),
    Case("cut_line.jsonl", "a last line that is cut", lines(good(1), good(2)) + _SAID.encode()[:-8], 2, {"not_json": 1}),
    Case("cut.json", "a document that is cut", b"[" + good(1) + b"," + _SAID.encode()[:-8], 0, faults={"not_json": 1}),
    Case("nan.jsonl", "NaN and Infinity", beside(_SAID.encode()[:-1] + b', "x": NaN}', _SAID.encode()[:-1] + b', "x": -Infinity}'), 2, {"not_json": 2}),
    Case("number_too_big.jsonl", "a number that no double holds", beside(_SAID.encode()[:-1] + b', "x": 1e999}'), 2, {"not_json": 1}),
    Case("number_long.jsonl", "a number of 10,000 digits", beside(_SAID.encode()[:-1] + b', "x": ' + b"9" * 10_000 + b"}"), 2, {"not_json": 1}),
    Case("number_as_id.jsonl", "a 40-digit number as an id", beside(b'{"conversation_id": ' + b"1" * 40 + b', "messages": []}'), 2, {"wrong_type": 1}),
    Case("deep_10000.jsonl", "10,000 levels", beside(_deep(10_000)), 2, {"nested_too_deep": 1}),
    Case("deep_300.jsonl", "300 levels", beside(_deep(300)), 2, {"nested_too_deep": 1}),
    Case("deep_objects.jsonl", "10,000 objects in each other", beside(b'{"a":' * 10_000 + b"1" + b"}" * 10_000), 2, {"nested_too_deep": 1}),
    Case("deep.json", "a document of 100,000 levels", b"[" * 100_000 + b"]" * 100_000, 0, faults={"nested_too_deep": 1}),
    Case("key_twice.jsonl", "a key twice: who spoke?", beside(b'{"messages": [{"role": "user", "role": "assistant", "content": "%s"}]}' % PHONE.encode()), 2, {"duplicate_key": 1}),
    Case("messages_twice.jsonl", "two lists of messages", beside(b'{"messages": [], "messages": [{"role": "user", "content": "%s"}]}' % PHONE.encode()), 2, {"duplicate_key": 1}),
    Case("key_twice.json", "a key twice in one item of a document", b"[" + good(1) + b',{"messages": [], "x": "%s", "x": 1},' % PHONE.encode() + good(2) + b"]", 2, {"duplicate_key": 1}),
    Case("not_objects.jsonl", "values that are no objects", beside(b"1", b'"%s"' % PHONE.encode(), b"[]", b"null", b"true", b"[[1]]"), 2, {"not_an_object": 6}),
    Case("python.jsonl", "a dictionary as Python prints it", beside(str(said()).encode()), 2, {"not_json": 1}),
    Case("json5.jsonl", "comments, a comma too many, bare keys", beside(_SAID.encode() + b" // x", _SAID.encode()[:-1] + b",}", b'{messages: ["%s"]}' % PHONE.encode()), 2, {"not_json": 3}),
    Case("two_in_a_line.jsonl", "two objects in a line", beside(_SAID.encode() * 2), 2, {"not_json": 1}),
    Case("json_in_json.jsonl", "a conversation as a text of JSON", beside(orjson.dumps(_SAID)), 2, {"not_an_object": 1}),
    Case("pretty.jsonl", "a document over many lines, under the name of lines", json.dumps({"phone": PHONE, "messages": ["x"]}, indent=1).encode(), 0, {"not_json": 5, "unknown_format": 1}),
    Case("lines.json", "lines under the name of a document", beside(_SAID.encode()[:-5]), 2, {"not_json": 1}),
    Case("html.json", "an error page in place of a log", b"<html><body>502 Bad Gateway for %s</body></html>" % PHONE.encode(), 0, faults={"not_json": 1}),
    Case("binary.jsonl", "bytes of no kind", bytes(range(256)).replace(b"\n", b"") * 40, 0, {"not_utf8": 1}),
    Case("long_line.jsonl", "a line over the limit", beside(orjson.dumps(said("x" * 17 * 2**20))), 2, {"line_too_long": 1}),
    Case("many_values.jsonl", "a line of 2 million empty objects", beside(b'{"messages": [' + b"{}," * 2_000_000 + b"{}]}"), 2, {"line_too_long": 1}),
    Case("long.json", "a document over the limit", _long_document, 0, faults={"document_too_long": 1}),
    Case("many_values.json", "a document of 4 million empty lists", b"[" + b"[]," * 4_000_000 + b"[]]", 0, faults={"document_too_long": 1}),
]  # fmt: skip
"""The limits of the run: 16 MiB a line or document."""
