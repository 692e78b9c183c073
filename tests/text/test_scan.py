"""One automaton over all texts finds what it finds in each of them alone."""

import pyarrow as pa
import re2
from hypothesis import given
from hypothesis import strategies as st

from refinery.text.scan import Texts

REGEX = re2.compile("(?:^|[^a-z])pin[0-9]+(?:$|[^0-9])|电话")
PARTS = st.sampled_from(["pin1", "1", "a", " ", "电话", "\0", "é"])
VALUES = st.lists(st.none() | st.lists(PARTS, max_size=4).map("".join))


@given(VALUES, st.integers(0, 3), st.sampled_from([pa.string(), pa.large_string()]))
def test_what_matches_in_one_text_is_found_among_many(values, start, kind):
    array = pa.array([None] * start + values, kind)[start:]
    alone = [place for place, text in enumerate(values) if text and REGEX.search(text)]
    assert Texts(array).matching(REGEX).tolist() == alone


def test_no_match_reaches_from_one_text_into_the_next():
    assert Texts(pa.array(["x pin", "1 y"])).matching(REGEX).tolist() == []
