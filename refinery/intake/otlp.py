"""OpenTelemetry spans and log events out of the JSON that exporters write, as plain dictionaries of one shape.

Sources: OTLP JSON (open-telemetry/opentelemetry-proto, docs/specification.md, JSON Protobuf Encoding: values under
`stringValue` and the like, 64-bit integers as decimal text); the SDKs' consoles (attributes as an object, ISO times).
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import orjson

_WRAPPERS: Final = {"resourceSpans": ("scopeSpans", "spans"), "resourceLogs": ("scopeLogs", "logRecords")}
_NANOS: Final = ("startTimeUnixNano", "timeUnixNano", "observedTimeUnixNano")
_TIMES: Final = ("start_time", "timestamp")
_SCALARS: Final = frozenset({"stringValue", "boolValue", "doubleValue", "bytesValue"})
_SIGNS: Final = frozenset({"traceId", "spanId", "trace_id", "span_id", "context", "timeUnixNano", "eventName"})


class Span(dict[str, Any]):
    """A span or log event, plain.

    Keys: `name`; `attributes` and `body` (objects); `events` (Spans); `start` (epoch seconds, or as written) and
    `nanos` (the same in nanoseconds, or 0); `trace_id`, `span_id` (text or null); `resource` (the sender's attributes).
    """


def is_export(document: object) -> bool:
    """Whether this is an OTLP export request."""
    return isinstance(document, dict) and any(isinstance(document.get(key), list) for key in _WRAPPERS)


def spans(document: object) -> Iterator[object]:
    """What a document holds, in order: exports opened, telemetry as Spans, anything else as it is."""
    for item in document if isinstance(document, list) else [document]:
        if is_export(item):
            yield from _exported(item)
        else:
            yield span(item) or item


def span(raw: object, resource: dict[str, Any] | None = None) -> Span | None:
    """One span or log event, or None where this is no telemetry."""
    if isinstance(raw, Span) or not isinstance(raw, dict):
        return raw if isinstance(raw, Span) else None
    if "messages" in raw or (_SIGNS.isdisjoint(raw) and not any(key.startswith("gen_ai.") for key in raw)):
        return None
    return _plain(raw, resource or _attributes(raw.get("resource")))


def order(one: Span) -> int:
    """When it began, in nanoseconds since 1970, for sorting (a float would not tell a microsecond's events apart)."""
    return one["nanos"] or _iso_nanos(one["start"])


def _iso_nanos(start: object) -> int:
    try:
        moment = datetime.fromisoformat(start) if isinstance(start, str) else None
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1e9) if moment else 0
    except (ValueError, OverflowError):
        return 0


def _exported(document: Any) -> Iterator[object]:  # noqa: ANN401
    for key, (scopes, leaves) in _WRAPPERS.items():
        for outer in _objects(document.get(key)):
            resource = _attributes(outer.get("resource"))
            for scope in _objects(outer.get(scopes)):
                found = scope.get(leaves)
                for raw in found if isinstance(found, list) else []:
                    yield _plain(raw, resource) if isinstance(raw, dict) else raw


def _plain(raw: dict[str, Any], resource: dict[str, Any]) -> Span:
    attributes = _attributes(raw) or {key: value for key, value in raw.items() if key.startswith("gen_ai.")}
    body = _body(_value(raw.get("body")))
    given = raw.get("context")
    context: dict[str, Any] = given if isinstance(given, dict) else {}
    start, nanos = _start(raw)
    return Span(
        name=next((n for n in (raw.get("eventName"), attributes.get("event.name"), raw.get("name")) if _text(n)), ""),
        attributes={**attributes, **{key: value for key, value in body.items() if key.startswith("gen_ai.")}},
        body=body,
        events=[_plain(event, {}) for event in _objects(raw.get("events"))],
        start=start,
        nanos=nanos,
        trace_id=next(
            (i for i in (raw.get("traceId"), raw.get("trace_id"), context.get("trace_id")) if _text(i)), None
        ),
        span_id=next((i for i in (raw.get("spanId"), raw.get("span_id"), context.get("span_id")) if _text(i)), None),
        resource=resource,
    )


def _attributes(holder: object) -> dict[str, Any]:
    """The attributes of a span, event or resource: OTLP's list of keys and values, or an object."""
    found = holder.get("attributes") if isinstance(holder, dict) else None
    if isinstance(found, list):
        return {o["key"]: _value(o.get("value")) for o in _objects(found) if isinstance(o.get("key"), str)}
    return found if isinstance(found, dict) else {}


def _value(value: Any) -> Any:  # noqa: ANN401
    """An OTLP AnyValue as JSON; what is none stays as it is."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    ((kind, inner),) = value.items()
    if kind in _SCALARS:
        return inner
    if kind == "intValue":
        return _integer(inner)
    if kind == "arrayValue" and isinstance(inner, dict):
        found = inner.get("values")
        return [_value(one) for one in found] if isinstance(found, list) else []
    if kind == "kvlistValue" and isinstance(inner, dict):
        return {str(o.get("key")): _value(o.get("value")) for o in _objects(inner.get("values"))}
    return value


def _body(body: object) -> dict[str, Any]:
    if isinstance(body, str) and body.startswith("{"):
        try:
            body = orjson.loads(body)
        except orjson.JSONDecodeError:
            return {}
    return body if isinstance(body, dict) else {}


def _start(raw: dict[str, Any]) -> tuple[object, int]:
    """When it began as epoch seconds and nanoseconds, or as it is written and 0."""
    for key in _NANOS:
        nanos = _integer(raw.get(key))
        if isinstance(nanos, int) and not isinstance(nanos, bool):
            if nanos:  # 0 is "unknown" in OTLP
                return nanos / 1e9, nanos
        elif nanos is not None:
            return nanos, 0
    return next((raw[key] for key in _TIMES if raw.get(key) is not None), None), 0


def _integer(value: object) -> object:
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit() and len(value) < 25:
        return int(value)
    return value


def _text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _objects(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
