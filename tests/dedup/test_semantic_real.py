"""`dedup.semantic` with a real embedder: `refinery models get e5-small --out DIR`, REFINERY_EMBEDDER=DIR.

What it finds by threshold stands in benchmarks/semantic_quality_*.md; this holds the ends that no threshold may lose.
"""

import os
from pathlib import Path

import pytest

from benchmarks.semantic import asked, linked, stage, table, written

pytestmark = pytest.mark.models
FOLDER = os.environ.get("REFINERY_EMBEDDER", "")


@pytest.fixture(scope="module")
def found():
    """Links among the hand-written conversations."""
    if not FOLDER or not Path(FOLDER).is_dir():
        pytest.skip("REFINERY_EMBEDDER names no folder; `refinery models get e5-small --out DIR` makes one")
    said, ids = written()
    return linked(stage(FOLDER, 0.9), table(said, ids)), ids


def test_reworded_conversations_are_found_and_no_other_order_or_matter_is_merged(found):
    links, ids = found
    pairs = links.groups(stage(FOLDER, 0.4, translations="merge"))
    assert not pairs & set(asked("another order", ids))
    assert len(pairs & set(asked("another matter", ids))) <= 0.001 * len(asked("another matter", ids))
    for kind in ("reworded zh", "reworded en"):
        assert len(pairs & set(asked(kind, ids))) >= 0.4 * len(asked(kind, ids))


def test_translations_stay_apart_unless_asked_for(found):
    links, ids = found
    kept = links.groups(stage(FOLDER, 0.3, translations="keep"))
    assert not [pair for pair in kept if ("/zh" in pair[0]) != ("/zh" in pair[1])]
