"""Reads Langfuse exports: a trace is one request, a session the talk that its traces belong to.

Sources: langfuse.com/docs/observability/data-model, …/features/sessions, …/api-and-data-platform/features/blob-storage-
export-fields (snake_case rows, `input` and `output` as text or JSON text, times in UTC without a zone) and the public
API (camelCase; pages of `data`; a session's `traces`; a downloaded {trace, observations}).

The turns of a trace are its own input and output; of its generations the one that repeats these and holds more (system
prompt, tools) is read in their place. Without either the root observation speaks, else the only generation. Other
observations (spans, tools, retrievals, routers, evaluators) are the machine at work: no turns, and not kept. Traces of
one session within a document are one conversation: what a later one repeats is not read again, what goes on is joined
(see `otel`, whose rules are the same). In JSON lines each line is a document of its own. Scores are metadata.
"""

from collections.abc import Iterator
from typing import Any, Final, TypeGuard

from refinery.errors import ParseError
from refinery.intake.langfuse_io import turns
from refinery.intake.tellings import Telling, conversations, joined, repeats, whole

FORMAT: Final = "langfuse"

SIGNS: Final = frozenset(
    {"sessionId", "session_id", "observations", "projectId", "project_id", "htmlPath", "bookmarked"}
    | {"traceId", "trace_id"}
)
"""A trace or observation has at least one besides `id` and what went in or out."""

_WRONG: Final = "a Langfuse record is a trace, an observation, a session or a page of them"
_TRACE: Final = ("traceId", "trace_id")
_SESSION: Final = ("sessionId", "session_id")
_TIMES: Final = ("timestamp", "startTime", "start_time", "createdAt", "created_at")
_MODELS: Final = ("model", "provided_model_name", "providedModelName")
_PARENTS: Final = ("parentObservationId", "parent_observation_id")
_USERS: Final = ("userId", "user_id")
_USAGE: Final = ("usage", "usageDetails", "usage_details")
_READ: Final = ("input", "output", "observations", *_SESSION, *_USERS)


def matches(record: object) -> TypeGuard[dict[str, Any]]:
    """Is this a Langfuse trace, observation or score, or traces of one session? Never raises."""
    if not isinstance(record, dict):
        return False
    if _is_made(record):
        return True
    told = "input" in record or "output" in record or isinstance(record.get("observations"), list)
    return isinstance(record.get("id"), str) and ((told and not SIGNS.isdisjoint(record)) or _is_score(record))


def records(document: object) -> Iterator[object]:
    """A record a conversation: `{"session", "traces"}`; what is nothing of Langfuse's stays as it is, to be refused."""
    if not isinstance(document, list) and not matches(document) and not _is_wrapper(document):
        raise ParseError("wrong_shape", _WRONG)
    items = list(_opened(document))
    if not isinstance(document, list) and len(items) == 1 and not _is_trace(items[0]):
        yield items[0]  # one row of a table of observations or scores
        return
    placed: list[tuple[int, object]] = []
    sessions: dict[tuple[str, str], list[tuple[int, dict[str, Any]]]] = {}
    for number, item in _traces(items):
        if _is_trace(item):
            sessions.setdefault(_group(item, number), []).append((number, item))
        else:
            placed.append((number, item))
    for group in sessions.values():
        placed += _whole(group)
    yield from (record for _, record in sorted(placed, key=lambda pair: pair[0]))


def native(record: object) -> dict[str, Any]:
    """The native log form of one conversation. Raises ParseError where it cannot be read."""
    if not matches(record):
        raise ParseError("wrong_shape", _WRONG)
    if _is_score(record) or not (_is_made(record) or _is_trace(record) or _is_generation(record)):
        raise ParseError(
            "not_a_conversation", "a score or an observation that is no generation; its trace tells the talk"
        )
    traces = record["traces"] if _is_made(record) else [record if _is_trace(record) else _alone(record)]
    told = [_told(trace) for trace in traces]
    messages = joined([telling for telling, _ in told]) if len(told) > 1 else told[0][0].messages()
    if not messages:
        raise ParseError("no_messages", "neither the trace nor a generation of it has input or output")
    user = _first(traces, _USERS)
    fields: dict[str, Any] = {
        "conversation_id": _first(traces, _SESSION) or _first(traces, ("id",)),
        "created_at": _time(_first(traces, _TIMES)),
        "model_version": _first([generation for _, generation in reversed(told) if generation], _MODELS),
        "participants": [{"role": "customer", "id": user}] if isinstance(user, str | int) else None,
        "messages": messages,
        "traces": [_about(trace, generation) for trace, (_, generation) in zip(traces, told, strict=True)],
    }
    return {key: value for key, value in fields.items() if value is not None}


def _is_made(record: dict[str, Any]) -> bool:
    """Whether `records` made it."""
    traces = record.get("traces") if record.keys() == {"session", "traces"} else None
    return isinstance(traces, list) and bool(traces) and all(isinstance(trace, dict) for trace in traces)


def _is_wrapper(document: object) -> bool:
    if not isinstance(document, dict):
        return False
    page = isinstance(document.get("data"), list) and isinstance(document.get("meta"), dict)
    session = isinstance(document.get("traces"), list) and isinstance(document.get("id"), str)
    return (
        page or session or (isinstance(document.get("trace"), dict) and isinstance(document.get("observations"), list))
    )


def _is_score(record: dict[str, Any]) -> bool:
    return "value" in record and "name" in record and any(key in record for key in ("dataType", "data_type"))


def _is_observation(record: dict[str, Any]) -> bool:
    return any(isinstance(record.get(key), str) for key in _TRACE)


def _is_trace(record: object) -> TypeGuard[dict[str, Any]]:
    return matches(record) and not _is_observation(record) and not _is_score(record)


def _is_generation(record: object) -> bool:
    kind = record.get("type") if isinstance(record, dict) else None
    return isinstance(kind, str) and kind.upper() == "GENERATION"


def _opened(document: object) -> Iterator[object]:
    """Traces and rows out of pages, sessions and downloads, anything else as it is."""
    for item in document if isinstance(document, list) else [document]:
        if not isinstance(item, dict) or not _is_wrapper(item):
            yield item
        elif isinstance(item.get("trace"), dict):
            yield {"sessionId": None, **item["trace"], "observations": item["observations"]}
        elif isinstance(item.get("traces"), list):
            named = {"sessionId": item["id"]}
            yield from ({**named, **t, **named} if isinstance(t, dict) else t for t in item["traces"])
        else:
            yield from item["data"]


def _traces(items: list[object]) -> Iterator[tuple[int, Any]]:
    """Traces with the observations that stand beside them as rows; rows whose trace is elsewhere make one."""
    placed: dict[int, Any] = {
        n: {**item, "observations": _listed(item)} for n, item in enumerate(items) if _is_trace(item)
    }
    found: dict[Any, dict[str, Any]] = {}
    for trace in placed.values():
        found.setdefault(trace["id"], trace)
    for number, item in enumerate(items):
        if not matches(item):
            placed[number] = item
        elif _is_observation(item) and not _is_score(item):
            identity = _first([item], _TRACE)
            if identity not in found:
                found[identity] = placed[number] = {**_alone(item), "observations": []}
            found[identity]["observations"].append(item)
    yield from sorted(placed.items(), key=lambda pair: pair[0])


def _listed(trace: dict[str, Any]) -> list[Any]:
    listed = trace.get("observations")
    return list(listed) if isinstance(listed, list) else []


def _alone(observation: dict[str, Any]) -> dict[str, Any]:
    """A trace for observations whose own trace is not in the document."""
    named = {"id": _first([observation], _TRACE), "sessionId": _first([observation], _SESSION)}
    user, time = _first([observation], _USERS), _first([observation], _TIMES)
    return {**named, "userId": user, "timestamp": time, "observations": [observation]}


def _group(trace: dict[str, Any], number: int) -> tuple[str, str]:
    session = _first([trace], _SESSION)
    return ("session", str(session)) if session else ("alone", str(number))


def _whole(group: list[tuple[int, dict[str, Any]]]) -> Iterator[tuple[int, object]]:
    """A record for each conversation that the traces of one session tell, in time order."""
    group = sorted(group, key=lambda pair: str(_first([pair[1]], _TIMES) or ""))
    tellings = [_telling_or_none(trace) for _, trace in group] if len(group) > 1 else [None]
    found = conversations(tellings, of_one=True)
    for numbers in found:
        told = [group[number][1] for number in numbers]
        if len(found) == 1:  # it began when the first trace did
            told[0] = {**told[0], "timestamp": _first([trace for _, trace in group], _TIMES)}
        yield group[numbers[-1]][0], {"session": _first(told, _SESSION), "traces": told}


def _telling_or_none(trace: dict[str, Any]) -> Telling | None:
    try:
        return _told(trace)[0]
    except ParseError:
        return None  # refused by itself


def _told(trace: dict[str, Any]) -> tuple[Telling, dict[str, Any] | None]:
    """What was said in a trace, and the generation that says it, if one does."""
    observations = [o for o in _listed(trace) if isinstance(o, dict)]
    generations = [o for o in observations if _is_generation(o)]
    roots = [o for o in observations if not _first([o], _PARENTS) and not _is_generation(o)]
    refusal: ParseError | None = None
    for speaker in (trace, *roots):
        if _first([speaker], ("input", "output")) is not None:
            try:
                return _richest(_telling(speaker, trace), generations, trace)
            except ParseError as error:
                refusal = refusal or error  # an object of unknown shape; a generation may say the same in messages
    read = [(_telling(o, trace), o) for o in generations]
    kept = whole([telling for telling, _ in read])
    if len(kept) == 1:
        return read[kept[0]]
    if kept:
        refusal = refusal or ParseError(
            "several_generations", "no input and output, and generations that tell different talks"
        )
    if refusal:
        raise refusal
    return Telling([], []), None


def _richest(
    own: Telling, generations: list[dict[str, Any]], trace: dict[str, Any]
) -> tuple[Telling, dict[str, Any] | None]:
    """The longest generation that repeats what the trace says of itself, else the trace."""
    best: tuple[Telling, dict[str, Any] | None] = (own, None)
    for generation in generations:
        try:
            telling = _telling(generation, trace)
        except ParseError:
            continue  # it could only have added the system prompt and tools
        if len(telling.messages()) >= len(best[0].messages()) and repeats(telling, own):
            best = telling, generation
    return best


def _telling(holder: dict[str, Any], trace: dict[str, Any]) -> Telling:
    name = trace.get("name")
    asked = turns(holder.get("input"), "user", "input")
    return Telling(asked, turns(holder.get("output"), "assistant", "output"), name if isinstance(name, str) else None)


def _first(holders: list[dict[str, Any]], keys: tuple[str, ...]) -> Any:  # noqa: ANN401
    """The first value under one of the keys that is not empty."""
    return next((h[key] for h in holders for key in keys if h.get(key) not in (None, "")), None)


def _time(value: object) -> object:
    """Times of the tables have no zone and are UTC: `2024-05-29 13:46:19.963000`."""
    if isinstance(value, str) and value[10:11] == " " and not any(sign in value[11:] for sign in "+-Z"):
        return value + "+00:00"
    return value


def _about(trace: dict[str, Any], generation: dict[str, Any] | None) -> dict[str, Any]:
    """What stands beside the turns, as metadata: ids, name, tags, scores; the usage of the generation read."""
    usage = _first([generation], _USAGE) if generation else None
    found = {key: value for key, value in trace.items() if key not in _READ} | {"usage": usage}
    return {key: value for key, value in found.items() if value not in (None, "", [], {})}
