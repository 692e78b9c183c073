"""Requests that must be refused, and how: what, where, what to do, and nothing of what they held."""

import asyncio

import orjson
import pytest

from tests.guard.house import House, talk

SECRET = "13812345678"
HOSTILE = [
    (b"", 400, "not_json"),
    (b"{", 400, "not_json"),
    (b"\xff\xfe{}", 400, "not_utf8"),
    (b"[1, 2]", 400, "not_an_object"),
    (b'"13812345678"', 400, "not_an_object"),
    (b"{}", 400, "no_messages"),
    (b'{"messages": 1}', 400, "no_messages"),
    (b'{"messages": ["13812345678"]}', 400, "wrong_type"),
    (b'{"messages": [{"role": "13812345678", "content": ""}]}', 400, "unknown_role"),
    (b'{"messages": [{"role": "user", "content": {"13812345678": 1}}]}', 400, "wrong_type"),
    (b'{"messages": [], "messages": []}', 400, "repeated_key"),
    (b'{"messages": [], "signals": "13812345678"}', 400, "wrong_type"),
    (b'{"messages": [], "scenario": {"a": "13812345678"}}', 400, "wrong_type"),
    (b'{"messages": [], "request_id": ["13812345678"]}', 400, "wrong_type"),
    (b'{"messages": [], "request_id": "' + b"1" * 201 + b'"}', 400, "label_too_long"),
    (b'{"messages": [], "scenario": "' + b"1" * 1_001 + b'"}', 400, "label_too_long"),
    (b'{"messages": [], "reflected": "13812345678"}', 400, "wrong_type"),
    (b'{"messages": [], "turn": {"role": "assistant", "content": "a"}}', 400, "two_forms"),
    (b'{"turn": {"role": "user", "content": "a"}}', 400, "wrong_type"),
    (b'{"turn": "13812345678"}', 400, "wrong_type"),
    (b'{"context": []}', 400, "wrong_type"),
    (b"[" * 1_100 + b"]" * 1_100, 400, "nested_too_deep"),
    (b'{"messages": [], "a": ' + b"[" * 300 + b"]" * 300 + b"}", 400, "nested_too_deep"),
    (b'{"messages": [{"role": "user", "content": "\\ud800"}]}', 400, "lone_surrogate"),
    (b'{"messages": [' + b'{"role":"user"},' * 2_001 + b'{"role":"user"}]}', 413, "conversation_too_long"),
]


@pytest.fixture(scope="module")
def calm(tmp_path_factory):
    house = House(tmp_path_factory.mktemp("calm"), max_body_bytes=100_000, read_seconds=0.2)
    yield house
    house.close()


@pytest.mark.parametrize(("body", "status", "reason"), HOSTILE, ids=[f"{n}_{r}" for n, (_, _, r) in enumerate(HOSTILE)])
def test_what_cannot_be_read_is_refused_with_reason_place_and_advice(calm, body, status, reason):
    found, said = calm.refused(body)
    assert (found, said["error"]) == (status, reason)
    assert said.keys() == {"error", "what", "where", "do"}
    assert all(said.values()), "what, where and what to do are said"
    assert SECRET not in str(said)


def test_a_body_over_the_limit_is_refused_by_its_header_before_it_is_read(calm):
    status, said = calm.refused(b"", content_length="100001")
    assert (status, said["error"]) == (413, "body_too_large")
    assert "max_body_bytes" in said["do"]


@pytest.mark.parametrize(
    "length", [{}, {"content_length": "10"}, {"content_length": "-5"}, {"content_length": "9" * 400}]
)
def test_a_body_over_the_limit_is_refused_whatever_its_header_says(calm, length):
    status, said = calm.refused(b" " * 100_001, **length)
    assert (status, said["error"]) == (413, "body_too_large")


def test_a_body_whose_values_outgrow_its_text_is_refused(calm):
    status, said = calm.refused(b'{"messages": [], "a": [' + b"{}," * 32_000 + b"{}]}")
    assert (status, said["error"]) == (413, "body_too_large")


def test_a_compressed_body_is_refused(calm):
    status, said = calm.refused(b"\x1f\x8b", content_encoding="gzip")
    assert (status, said["error"], said["where"]) == (415, "coded_body", "header Content-Encoding")


def test_a_body_that_dribbles_is_refused(calm):
    async def receive():
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b" ", "more_body": True}

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/inspect", "headers": []}
    asyncio.run(calm.application(scope, receive, send))
    assert sent[0]["status"] == 408


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/inspect", 405, "wrong_method"),
        ("POST", "/health", 405, "wrong_method"),
        ("GET", f"/{SECRET}", 404, "unknown_path"),
        ("GET", "/", 404, "unknown_path"),
    ],
)
def test_other_paths_and_methods_are_refused_with_the_known_ones(calm, method, path, status, reason):
    found, body = calm.ask(method, path)
    said = orjson.loads(body)
    assert (found, said["error"]) == (status, reason)
    assert "POST" in said["do"] or "GET" in said["do"]
    assert SECRET not in str(said)


def test_health_says_which_rules_serve(calm):
    status, body = calm.ask("GET", "/health")
    said = orjson.loads(body)
    assert (status, said["status"], said["rules_refused"]) == (200, "ok", None)
    assert said["ruleset_version"] == calm.post(talk("好的"))["ruleset_version"]


def test_after_all_of_that_a_turn_is_answered(calm):
    assert calm.post(talk("随便"))["action"] == "reflect"
