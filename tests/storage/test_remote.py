"""What is said of remote places, and which of a driver's settings a worker takes over; no server is asked."""

import sys

import fsspec.registry  # noqa: F401 (loaded)
import pytest
from obstore.exceptions import GenericError, PermissionDeniedError

from refinery.errors import PlanError, StorageError
from refinery.intake.source import Source
from refinery.storage import remote, streams
from refinery.storage.store import Store

SECRET = "sEcReT/of+ours"


def test_an_address_with_a_password_is_refused_and_not_repeated():
    for address in (f"s3://AKIA1:{SECRET}@bucket/lake", f"sftp://me:{SECRET}@host/logs"):
        with pytest.raises(StorageError, match="holds a password") as caught:
            Store(address)
        assert SECRET not in str(caught.value) and "AKIA1" not in str(caught.value)
        with pytest.raises(PlanError, match="holds a password"):
            Source(name="logs", path=address)
    for address in ("s3://bucket/a:b@c", "http://host:8080/a", "http://[::1]:8080/a"):
        assert remote.checked(address) == address


@pytest.mark.parametrize("address", ["s4://bucket/x", "https://host/x", "s3://"])
def test_a_lake_in_a_place_of_no_known_kind_is_refused(address):
    with pytest.raises(StorageError, match="no lake can lie there|cannot open"):
        Store(address).reach()


def test_a_source_in_a_place_of_no_known_kind_is_refused():
    with pytest.raises(StorageError, match="s4:// is no place that fsspec knows; known: s3://"):
        Source(name="logs", path="s4://bucket/x").freeze()


def test_without_the_package_of_a_place_the_error_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "s3fs", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)  # nor had it been asked for
    streams._filesystem.cache_clear()
    with pytest.raises(StorageError, match=r"cannot read s3:// yet: .*s3fs.*pip install 'refinery\[s3\]'"):
        Source(name="logs", path="s3://bucket/x").freeze()
    streams._filesystem.cache_clear()


ANSWER = "Error performing PUT http://h/b in 1ms - Server returned non-2xx status code: {}: <Error><Code>{}</Code>"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            PermissionDeniedError(ANSWER.format("403 Forbidden", "AccessDenied")),
            r"access refused \(AccessDenied\)",
        ),
        (GenericError(ANSWER.format("403 Forbidden", "SignatureDoesNotMatch")), r"access refused \(SignatureDoesNot"),
        (FileNotFoundError(ANSWER.format("404 Not Found", "NoSuchBucket")), "there is no such bucket"),
        (FileNotFoundError(ANSWER.format("404 Not Found", "NoSuchKey")), r"nothing is there \(NoSuchKey\)"),
        (
            GenericError("Error performing PUT http://h/latest/api/token"),
            "no credentials were found",
        ),
        (GenericError("GET http://h/b - HTTP error: error sending request"), "no answer from the store; check AWS_END"),
        (TimeoutError("late"), "no answer from"),
        (GenericError(ANSWER.format("503 Slow Down", "SlowDown")), r"GenericError \(SlowDown\): Error performing PUT"),
        (ValueError("odd"), "ValueError: odd"),
    ],
)
def test_of_a_servers_answer_only_the_code_is_repeated(error, said, monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    error.args = (f"{error.args[0]}<AWSAccessKeyId>AKIA1</AWSAccessKeyId><StringToSign>{SECRET}</StringToSign>",)
    import re

    words = remote.why(error)
    assert re.match(said, words), words
    assert SECRET not in words and "AKIA1" not in words


DRIVER = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "c", "AWS_REGION": "r"}


@pytest.mark.parametrize(
    ("own", "after"),
    [
        ({"HOME": "/"}, {"HOME": "/"} | DRIVER),
        ({"AWS_REGION": "here"}, DRIVER | {"AWS_REGION": "here"}),
        (
            {"AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "too"},
            {"AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "too", "AWS_REGION": "r"},
        ),
    ],
)
def test_a_worker_takes_over_what_its_machine_does_not_say_and_never_half_of_two_sets_of_keys(monkeypatch, own, after):
    monkeypatch.setattr("os.environ", own)
    remote.adopt(DRIVER)
    assert own == after


def test_a_changed_environment_makes_a_new_client(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    first = remote.client("s3://bucket/x")
    assert remote.client("s3://bucket/x") is first
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:2")
    assert remote.client("s3://bucket/x") is not first
