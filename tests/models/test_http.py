"""The HTTP client against an endpoint with faults: each request ends in exactly one answer or one fault."""

import asyncio
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from refinery.errors import ModelError, PlanError
from refinery.models.chat import Reply
from refinery.models.http import Http
from refinery.models.spec import HttpModel
from refinery.stage import Request
from tests.models.endpoint import Endpoint, completion, cut, hang, malformed, said, status

SCHEMA = {"type": "string"}


def _model(endpoint, **more):
    known = {"timeout_seconds": 0.5, "max_wait_seconds": 0.2, "max_tries": 3, "max_outage_seconds": 5}
    return HttpModel(kind="http", url=endpoint.url, name="m", **(known | more))


def _ask(endpoint, texts, **more) -> dict[str, Reply]:
    found = list(Http(_model(endpoint, **more)).answer([lambda: [(t, _request(t)) for t in texts]]))
    assert len(found) == len(texts) and {key for key, _ in found} == set(texts), "exactly one reply a request"
    return dict(found)


def _request(text):
    return Request(({"role": "user", "content": text},), SCHEMA, "p/en")


def _at_first(times, act):
    """Does `act` the first times that a question comes, then answers."""
    seen = Counter()

    def do(endpoint, request, payload):
        seen[said(payload)] += 1
        return act(endpoint, request, payload) if seen[said(payload)] <= times else None

    return do


def test_an_answer_comes_with_its_tokens_and_the_request_holds_schema_and_parameters():
    with Endpoint() as endpoint:
        reply = _ask(endpoint, ['"好"'], temperature=0.5, sampling={"top_p": 0.9})['"好"']
        (_, payload), (headers,) = endpoint.asked[0], endpoint.headers
    assert reply._replace(seconds=0) == Reply('"好"', "", "stop", 7, 3)
    assert reply.seconds > 0
    assert payload["response_format"]["json_schema"]["schema"] == SCHEMA
    assert (payload["temperature"], payload["top_p"], payload["max_tokens"], payload["model"]) == (0.5, 0.9, 1024, "m")
    assert "Authorization" not in headers


def test_the_key_comes_from_the_environment_and_stands_in_no_repr(monkeypatch):
    monkeypatch.setenv("A_MODEL_KEY", "s3cret")
    with Endpoint() as endpoint:
        _ask(endpoint, ["a"], api_key_env="A_MODEL_KEY")
        assert endpoint.headers[0]["Authorization"] == "Bearer s3cret"
        assert "s3cret" not in repr(Http(_model(endpoint, api_key_env="A_MODEL_KEY")))


def test_a_key_that_is_not_there_is_said_before_anything_is_asked(monkeypatch):
    monkeypatch.delenv("A_MODEL_KEY", raising=False)
    with pytest.raises(PlanError, match=r"environment variable A_MODEL_KEY \(api_key_env\) is not set"):
        Http(HttpModel(kind="http", url="http://127.0.0.1:1/v1", name="m", api_key_env="A_MODEL_KEY"))


FAULTS = {
    "timed_out": hang,
    "status_500": status(500),
    "rate_limited": status(429, **{"Retry-After": "0.1"}),
    "cut_off": cut,
    "malformed": malformed('{"choices": ['),
}
SHAPES = [
    '{"choices": []}',
    "[1]",
    '"text"',
    '{"choices": [{"message": {"content": null}}]}',
    '{"choices": {"0": 1}}',
    "",
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_an_attempt_is_tried_again_and_then_answered(fault):
    with Endpoint(_at_first(2, FAULTS[fault])) as endpoint:
        replies = _ask(endpoint, ["a", "b"])
        assert endpoint.times() == {"a": 3, "b": 3}
    assert [(r.text, r.fault, r.retries) for r in replies.values()] == [(t, "", 2) for t in replies]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_does_not_pass_ends_after_max_tries_and_costs_that_request_alone(fault):
    with Endpoint(lambda e, r, p: FAULTS[fault](e, r, p) if said(p) == "bad" else None) as endpoint:
        replies = _ask(endpoint, ["a", "bad", "b"])
        assert endpoint.times() == {"a": 1, "b": 1, "bad": 3}
    assert replies["bad"] == Reply(None, fault, retries=2)
    assert [replies[t].text for t in "ab"] == ["a", "b"]


@pytest.mark.parametrize("shape", SHAPES)
def test_whatever_the_body_is_it_is_a_fault_and_no_crash(shape):
    with Endpoint(malformed(shape)) as endpoint:
        assert _ask(endpoint, ["a"], max_tries=1)["a"] == Reply(None, "malformed")


def test_a_refusal_of_one_request_is_not_tried_again_and_what_the_endpoint_says_is_not_repeated():
    with Endpoint(status(400)) as endpoint:
        assert _ask(endpoint, ["a"])["a"] == Reply(None, "status_400")
        assert endpoint.times() == {"a": 1}


@pytest.mark.parametrize("code", [401, 403, 404])
def test_a_refused_key_or_name_stops_at_once(code):
    with Endpoint(status(code)) as endpoint:
        with pytest.raises(ModelError, match=f"answers {code} to model 'm': look at url, name and the key"):
            _ask(endpoint, [str(i) for i in range(100)], max_in_flight=4)
        assert len(endpoint.asked) <= 8


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_waited_for_by_everybody(as_date):
    wait = 1.2

    def after():
        until = datetime.now(UTC) + timedelta(seconds=wait + 1)  # a date has whole seconds only
        return format_datetime(until, usegmt=True) if as_date else str(wait)

    act = _at_first(1, lambda e, r, p: status(429, **{"Retry-After": after()})(e, r, p) if said(p) == "0" else None)
    with Endpoint(act) as endpoint:
        _ask(endpoint, [str(i) for i in range(20)], max_in_flight=1, max_wait_seconds=5)
        times = [at for at, _ in endpoint.asked]
    assert min(b - times[0] for b in times[1:]) >= wait - 0.25


def test_an_endpoint_that_asks_for_too_long_a_wait_has_failed():
    with Endpoint(status(429, **{"Retry-After": "3600"})) as endpoint:
        assert _ask(endpoint, ["a"])["a"] == Reply(None, "asked_to_wait_too_long")


def test_requests_a_minute_are_kept():
    with Endpoint() as endpoint:
        _ask(endpoint, [str(i) for i in range(12)], requests_a_minute=600)
        times = sorted(at for at, _ in endpoint.asked)
    assert times[-1] - times[0] >= 11 * 0.1 - 0.05


def test_tokens_a_minute_are_kept_by_what_answers_really_cost():
    with Endpoint(lambda *_: completion("a", prompt_tokens=50, completion_tokens=50)) as endpoint:
        _ask(endpoint, [str(i) for i in range(6)], tokens_a_minute=30_000, max_tokens=1, max_in_flight=1)
        times = sorted(at for at, _ in endpoint.asked)
    assert times[-1] - times[0] >= 5 * 0.2 - 0.05, "a hundred tokens each, five hundred a second"


def test_no_more_requests_are_in_flight_than_the_plan_allows():
    async def slow(*_):
        await asyncio.sleep(0.05)

    with Endpoint(slow) as endpoint:
        _ask(endpoint, [str(i) for i in range(60)], max_in_flight=7)
        assert endpoint.most_in_flight == 7


@pytest.mark.parametrize("code", [502, 503, 504])
def test_an_outage_is_waited_out_and_sets_no_row_aside(code):
    until = time.monotonic() + 1
    with Endpoint(lambda e, r, p: status(code)(e, r, p) if time.monotonic() < until else None) as endpoint:
        assert all(reply.text for reply in _ask(endpoint, ["a", "b", "c"], max_tries=1).values())


def test_a_server_that_is_killed_and_started_again_is_waited_for():
    async def slow(*_):
        await asyncio.sleep(0.02)

    with Endpoint(slow) as endpoint:

        def kill():
            while len(endpoint.asked) < 40:
                time.sleep(0.005)
            endpoint.stop()
            time.sleep(0.7)
            endpoint.start()

        killer = threading.Thread(target=kill)
        killer.start()
        replies = _ask(endpoint, [str(i) for i in range(120)], max_in_flight=8)
        killer.join()
        assert all(reply.text == text for text, reply in replies.items())
        assert sum(endpoint.times().values()) <= 120 + 8, "only what was in flight was asked again"


def test_a_server_that_never_comes_back_stops_the_run():
    endpoint = Endpoint()
    endpoint.start()
    endpoint.stop()
    with pytest.raises(ModelError, match=r"does not answer \(unreachable\) for 0.3 s"):
        _ask(endpoint, ["a"], max_outage_seconds=0.3)


@pytest.mark.parametrize(
    ("url", "why"),
    [("https://u:p@host/v1", "holds no key"), ("https://host/v1?key=x", "holds no key"), ("host/v1", "url is http")],
)
def test_a_url_in_a_plan_holds_no_secret(url, why):
    with pytest.raises(ValueError, match=why):
        HttpModel(kind="http", url=url, name="m")
