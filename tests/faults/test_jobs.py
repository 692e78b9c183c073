"""`ray job submit` with Ray's authentication on, and a cluster file that Ray's own loader accepts."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from refinery.engine.key import deployment_key
from refinery.engine.run import Run
from refinery.plan import load
from refinery.storage.store import Store
from tests.engine.runs import DyingExecutor, Killed, rows
from tests.faults.killing import REPOSITORY, descendants
from tests.logs import conversation, plan, write

pytestmark = pytest.mark.ray
RAY = str(Path(sys.executable).parent / "ray")


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a client of a head started with a token of its own."""
    home = tmp_path_factory.mktemp("ray")
    (home / "token").write_text("t" * 64)
    dashboard = _port()
    environment = {k: v for k, v in os.environ.items() if k not in ("RAY_ADDRESS", "RAY_AUTH_TOKEN")} | {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(home / "token"),
        "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{dashboard}",
    }
    temporary = f"/tmp/ray-{os.getpid()}"  # Ray's sockets need a short path
    head = [RAY, "start", "--head", f"--port={_port()}", f"--dashboard-port={dashboard}", "--num-cpus=2"]
    more = ["--dashboard-host=127.0.0.1", f"--temp-dir={temporary}", "--block"]
    process = subprocess.Popen([*head, *more], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield environment
    finally:
        for pid in [*descendants(process.pid), process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(timeout=30)
        shutil.rmtree(temporary, ignore_errors=True)


def _submit(
    environment: dict[str, str], folder: Path, *job: str, patience: float = 90
) -> subprocess.CompletedProcess[str]:
    """Submits, again while the cluster's job agent is not up yet (Ray answers with 500 in its first seconds)."""
    command = [RAY, "job", "submit", "--working-dir", str(folder), "--", *job]
    until = time.monotonic() + patience
    while True:
        done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=240)
        starting = any(
            x in done.stdout + done.stderr for x in ("No available agent", "Failed to connect", "ConnectionError")
        )
        if not starting or time.monotonic() > until:
            return done
        time.sleep(1)


def test_the_main_job_runs_as_a_ray_job_with_authentication_on(cluster, tmp_path):
    shutil.copytree(REPOSITORY / "pipelines", tmp_path / "work" / "pipelines")
    logs = write(tmp_path / "logs" / "a.jsonl", [conversation(i) for i in range(40)])
    path = plan(tmp_path, logs)
    job = [sys.executable, "-m", "pipelines.refine", str(path), "--target", str(tmp_path / "lake")]
    done = _submit(cluster, tmp_path / "work", *job)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert "succeeded" in done.stdout
    assert rows(tmp_path / "lake", "SELECT count(*) FROM conversations") == [(40,)]


def test_a_job_without_the_token_is_refused(cluster, tmp_path):
    (tmp_path / "other").write_text("x" * 64)
    stranger = cluster | {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "other")}
    (tmp_path / "work").mkdir()
    done = _submit(stranger, tmp_path / "work", "true")
    assert done.returncode != 0
    assert "401" in done.stdout + done.stderr or "uthentication" in done.stdout + done.stderr


def test_rays_own_loader_accepts_the_cluster_file():
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load((REPOSITORY / "cluster.yaml").read_text(encoding="utf-8"))
    prepared = prepare_config(config)
    validate_config(prepared)
    assert prepared["max_workers"] == 2


def test_an_error_on_a_worker_is_one_sentence_of_ours(tmp_path):
    """The input changes after the run froze it: the task that reads it raises on a worker."""
    logs = write(tmp_path / "logs" / "a.jsonl", [conversation(i) for i in range(8)])
    path = plan(tmp_path, logs)
    with pytest.raises(Killed):
        Run(load(path), Store(tmp_path / "lake"), deployment_key(), DyingExecutor(0), lambda *_: None)()
    write(logs, [conversation(1)])
    command = [sys.executable, "-m", "pipelines.refine", str(path), "--target", str(tmp_path / "lake")]
    environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"}
    done = subprocess.run(
        command, check=False, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].startswith("InputError: a.jsonl changed since the run froze its input")
    assert "Traceback" not in done.stderr


def test_a_cluster_that_does_not_answer_is_said_within_seconds(tmp_path):
    path = plan(tmp_path, write(tmp_path / "logs" / "a.jsonl", [conversation(1)]))
    command = [sys.executable, "-m", "pipelines.refine", str(path), "--target", str(tmp_path / "lake")]
    environment = os.environ | {"RAY_ADDRESS": f"127.0.0.1:{_port()}"}
    done = subprocess.run(
        command, check=False, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "StorageError: no Ray cluster answers at 127.0.0.1" in done.stderr
