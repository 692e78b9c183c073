"""The response store: what was flushed is found, by whoever looks, and nothing else is."""

import hashlib
import random

import pyarrow as pa
import pytest

from refinery.models import responses
from refinery.models.chat import Reply
from refinery.models.responses import Book, Responses, overlaps
from refinery.storage.store import Store

KEYS = [hashlib.blake2b(str(i).encode(), digest_size=16).hexdigest() for i in range(500)]


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(responses, "FLUSH_ANSWERS", 50)
    return Responses(Store(tmp_path), '["m", {"temperature": 0.0}]')


def _fill(store: Responses, keys, text="answer {}", by="run stage") -> None:
    with Book(store, by, "work/failed", "work/scratch") as book:
        for key in keys:
            book.add(key, Reply(text.format(key)))


def _found(store: Responses, keys) -> dict[str, str]:
    table = store.find(pa.array(sorted(keys), pa.string()), store.files(), ["key", "answer"])
    assert table["key"].to_pylist() == sorted(set(table["key"].to_pylist()))
    return dict(zip(table["key"].to_pylist(), table["answer"].to_pylist(), strict=True))


def test_exactly_what_was_flushed_is_found(store):
    shuffled = random.Random(1).sample(KEYS[:400], 400)
    _fill(store, shuffled)
    assert len(store.files()) == 8
    assert _found(store, KEYS) == {key: f"answer {key}" for key in KEYS[:400]}
    assert _found(store, KEYS[400:]) == {} == _found(store, [])


def test_a_look_up_opens_only_files_that_may_hold_its_keys(store, monkeypatch):
    _fill(store, sorted(KEYS[:400]))
    opened = []
    monkeypatch.setattr(Store, "open", lambda self, path, real=Store.open: opened.append(path) or real(self, path))
    key = sorted(KEYS[:400])[5]
    assert _found(store, [key]) == {key: f"answer {key}"}
    assert len(opened) == 1


def test_answers_of_one_model_are_no_answers_of_another(store):
    _fill(store, KEYS[:10])
    other = Responses(store.store, '["m", {"temperature": 0.5}]')
    assert _found(other, KEYS[:10]) == {}
    assert store.store.read(f"{store.folder}/model.json").decode() == store.identity


def test_of_two_answers_to_one_question_all_see_the_same(store):
    _fill(store, KEYS[:10], "b {}")
    _fill(store, KEYS[:10], "a {}")
    assert _found(store, KEYS[:10]) == {key: f"a {key}" for key in KEYS[:10]}


def test_equal_answers_are_one_file(store):
    _fill(store, KEYS[:10])
    _fill(store, KEYS[:10])
    assert len(store.files()) == 1


def test_what_failed_is_kept_elsewhere_and_answers_nothing(store):
    with Book(store, "run", "work/failed", "work/scratch") as book:
        book.add(KEYS[0], Reply(None, "timed_out", retries=2))
    assert store.files() == [] and len(store.store.list("work/failed")) == 1


def test_an_error_of_ours_leaves_what_was_answered(store):
    with pytest.raises(RuntimeError), Book(store, "run", "work/failed", "work/scratch") as book:
        book.add(KEYS[0], Reply("kept"))
        raise RuntimeError
    assert _found(store, KEYS[:1]) == {KEYS[0]: "kept"}


def test_what_cannot_be_written_stops_the_asking(store, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(responses, "_append", full)
    with pytest.raises(OSError, match="No space left"):
        _fill(store, KEYS[:60])


@pytest.mark.parametrize(
    ("low", "high", "may"), [("0" * 32, "0" * 32, False), ("0a" * 16, "ff" * 16, True), ("c" * 32, "d" * 32, False)]
)
def test_a_file_says_by_its_name_what_it_may_hold(low, high, may):
    assert overlaps("responses/m/0a0a0a0a-bbbbbbbb-0123456789abcdef.parquet", low, high) is may
