"""Laws of the reader over any bytes: it never raises, it ends, and what is whole in a file is read."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.intake.hostile.case import good, lines
from tests.intake.oracle import CONTENT, NAMES, packed, read_all

few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
every_container = pytest.mark.parametrize("name", NAMES)
HEADS = {
    "a.jsonl.gz": b"\x1f\x8b\x08\0\0\0\0\0\0\xff",
    "a.jsonl.zst": b"\x28\xb5\x2f\xfd",
    "a.tar.gz": b"\x1f\x8b\x08\0\0\0\0\0\0\xff",
    "a.tar.zst": b"\x28\xb5\x2f\xfd",
    "a.zip": b"PK\3\4",
    "a.parquet": b"PAR1",
}


@st.composite
def mutated(draw: st.DrawFn, data: bytes) -> bytes:
    """Whole bytes with one to four places flipped, cut out, doubled, overwritten or filled with nulls."""
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        size = draw(st.sampled_from((1, 2, 8, 64, 512)))
        part = data[at : at + size]
        kind = draw(st.sampled_from(("flip", "cut", "double", "overwrite", "null", "end")))
        if kind == "flip" and part:
            data = data[:at] + bytes([part[0] ^ draw(st.integers(1, 255))]) + data[at + 1 :]
        elif kind == "overwrite":
            data = data[:at] + draw(st.binary(min_size=1, max_size=16)) + data[at + size :]
        elif kind != "end":
            data = (
                data[:at]
                + {"cut": b"", "double": part * 2, "null": bytes(len(part))}.get(kind, part)
                + data[at + size :]
            )
        else:
            data = data[:at]
    return data


@every_container
@few
@given(data=st.binary(max_size=2_000), head=st.booleans())
def test_no_bytes_break_the_reader(name, data, head):
    read_all(name, HEADS.get(name, b"") + data if head else data)


@every_container
@few
@given(data=st.data())
def test_no_change_to_a_whole_file_breaks_the_reader(name, data):
    read_all(name, data.draw(mutated(packed(name, CONTENT))))


@every_container
@few
@given(share=st.floats(0, 1))
def test_a_file_that_is_cut_gives_the_first_rows_of_the_whole_file_and_says_so(name, share):
    whole = packed(name, CONTENT)
    cut = whole[: int(share * len(whole))]
    all_rows, _ = read_all(name, whole)
    rows, bad = read_all(name, cut)
    assert [r["content_hash"] for r in rows] == [r["content_hash"] for r in all_rows][: len(rows)]
    assert len(rows) == len(all_rows) or bad or name.startswith("a.jsonl")


@every_container
def test_every_container_gives_the_same_conversations(name):
    rows, bad = read_all(name, packed(name, lines(good(1), good(2), good(3))))
    archive = ".tar" in name or ".zip" in name
    assert [r["source_id"] for r in rows] == ["c1", "c2", "c3"] * (2 if archive else 1)
    assert [(b.reason, b.detail) for b in bad] == [("members_passed_over", "1 file (.txt 1)")] * archive
    alike = read_all("a.jsonl", lines(good(1), good(2), good(3)))[0]
    assert [r["content_hash"] for r in rows[:3]] == [r["content_hash"] for r in alike]


@settings(max_examples=200, deadline=None)
@given(
    junk=st.lists(st.binary(max_size=60).map(lambda b: b.replace(b"\n", b" ")), max_size=6),
    places=st.lists(st.integers(0, 3), min_size=6, max_size=6),
)
def test_lines_of_any_bytes_cost_the_lines_beside_them_nothing(junk, places):
    beside = [good(1), good(2), good(3)]
    for line, place in zip(junk, places, strict=False):
        beside.insert(place, line)
    rows, bad = read_all("a.jsonl", lines(*beside))
    assert [r["source_id"] for r in rows if (r["source_id"] or "").startswith("c")] == ["c1", "c2", "c3"]
    assert len(rows) + len(bad) == sum(bool(line.removeprefix(b"\xef\xbb\xbf").strip()) for line in beside)
