"""What the tests of the log formats share: the real sets, one invented record a format, and ways to break a record."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
JUNK: tuple[Any, ...] = (None, True, -1, 1.5, 2**70, "", "x", [], [1], [[None]], {}, {"x": [{}]})


@pytest.fixture(scope="session")
def data() -> Path:
    """The real sets, which are not part of the repository."""
    if not DATA.is_dir():
        pytest.skip("the real sets (../shared/data) are absent")
    return DATA


@pytest.fixture(scope="session")
def samples() -> dict[str, dict[str, Any]]:
    """One small record of each format, invented; the tests show that each adapter knows its own and no other."""
    return {
        "native": {"conversation_id": "a1", "messages": [{"role": "user", "content": "Good day"}]},
        "chat log without ids of any set": {"id": "c1", "messages": [{"role": "user", "content": "Good day"}]},
        "star": {"DialogueID": 7, "Events": [{"Agent": "User", "Action": "utter", "Text": "Good day", "UnixTime": 5}]},
        "stc3": {"id": "1", "turns": [{"sender": "customer", "utterances": ["Good day"]}], "annotations": []},
        "tau": {"task_id": 3, "trial": 1, "reward": 1.0, "info": {}, "traj": [{"role": "user", "content": "Good day"}]},
        "tau2": {"id": "s1", "reward_info": {"reward": 0.0}, "messages": [{"role": "user", "content": "Good day"}]},
        "taskmaster": {
            "conversation_id": "d1",
            "vertical": "Coffee",
            "utterances": [{"index": 0, "speaker": "user", "text": "Good day", "annotations": []}],
        },
        "sharegpt": {"id": "g1", "conversations": [{"from": "human", "value": "Good day"}]},
        "sharegpt under messages": {"messages": [{"from": "human", "value": "Good day"}]},
        "otel": {
            "traceId": "t1",
            "attributes": {"gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]},
        },
        "otel messages of parts": {"messages": [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]},
        "langfuse": {"id": "t1", "sessionId": "s1", "input": "Good day", "output": "Hello"},
        "langfuse observation": {"id": "o1", "trace_id": "t1", "type": "GENERATION", "input": "Hi", "output": "Hello"},
    }


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _places(inner, (*path, key))


def _broken(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in _places(record):
        for junk in (*JUNK, KeyError):
            copy = deepcopy(record)
            parent: Any = copy
            for key in path[:-1]:
                parent = parent[key]
            if junk is KeyError:
                del parent[path[-1]]
            else:
                parent[path[-1]] = junk
            yield copy


@pytest.fixture(scope="session")
def broken() -> Callable[[dict[str, Any]], Iterator[dict[str, Any]]]:
    """Every copy of a record in which one value, at any depth, is junk or gone."""
    return _broken


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


@pytest.fixture(scope="session")
def strings() -> Callable[[Any], Iterator[str]]:
    """All strings inside a JSON value, keys left out."""
    return _strings
