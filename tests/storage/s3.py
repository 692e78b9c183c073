"""A real S3 server on this machine for tests: SeaweedFS, one process, its data in a folder of its own."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KEY, SECRET = "refinery-tests", "a-secret-of-tests-alone"
READER, READER_SECRET = "refinery-reader", "a-secret-of-readers-alone"
"""A second user, who may read and list, but not write."""
BUCKET = "refinery"
_WEED = Path(sys.executable).parent / "weed"
_PATIENCE = 60
_SERVICES = ("master", "volume", "filer", "s3")


def _free_ports(num: int) -> list[int]:
    probes = [socket.socket() for _ in range(num)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def settings(port: int) -> dict[str, str]:
    """The variables by which a client reaches the server; none of them leads anywhere else."""
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_METADATA_ENDPOINT": "http://127.0.0.1:1",
    }


def _users() -> str:
    def user(key: str, secret: str, *actions: str) -> dict[str, object]:
        return {"name": key, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}

    everything = ("Admin", "Read", "Write", "List", "Tagging")
    return json.dumps({"identities": [user(KEY, SECRET, *everything), user(READER, READER_SECRET, "Read", "List")]})


@contextmanager
def server(home: Path) -> Iterator[int]:
    """The server's port, while it runs; it listens on the loopback address alone."""
    (home / "data").mkdir(parents=True)
    (home / "users.json").write_text(_users(), encoding="utf-8")
    ports = _free_ports(2 * len(_SERVICES))
    listen = [f"-{name}.port={port}" for name, port in zip(_SERVICES, ports, strict=False)]
    listen += [f"-{name}.port.grpc={port}" for name, port in zip(_SERVICES, ports[len(_SERVICES) :], strict=True)]
    more = ["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false", f"-s3.config={home}/users.json"]
    size = ["-master.volumeSizeLimitMB=64", "-volume.max=0", "-volume.preStopSeconds=0"]
    where = [f"-dir={home}/data", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    command = [str(_WEED), "server", "-filer", "-s3", *where, *listen, *more, *size]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=home)
    try:
        _wait(process, ports[3], home / "log")
        yield ports[3]
    finally:
        process.kill()
        process.wait(timeout=30)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        assert process.poll() is None, f"the S3 server ended: {log.read_text()[-2000:]}"
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).close()
            return
        except urllib.error.HTTPError:  # it answers, and refuses who has no key
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"no S3 server after {_PATIENCE} s: {log.read_text()[-2000:]}")
