"""The S3 server that the tests of this folder share, and a bucket in it."""

import uuid
from collections.abc import Iterator

import pytest

from tests.storage import s3


@pytest.fixture(scope="session")
def s3_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a server with one bucket."""
    with s3.server(tmp_path_factory.mktemp("s3")) as port, pytest.MonkeyPatch.context() as patch:
        for name, value in s3.settings(port).items():
            patch.setenv(name, value)
        _make_bucket()
        yield port


def _make_bucket() -> None:
    import s3fs

    s3fs.S3FileSystem(skip_instance_cache=True).mkdir(s3.BUCKET)


@pytest.fixture
def prefix(s3_port: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder of the bucket for one test, with the server's settings in the environment."""
    for name, value in s3.settings(s3_port).items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3.BUCKET}/{uuid.uuid4().hex}"
