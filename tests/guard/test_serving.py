"""The service as people start it: over HTTP, under load, with rules that change and processes that are killed."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import orjson
import pytest

from refinery.storage.journal import events
from tests.faults.killing import REPOSITORY, descendants
from tests.guard.house import rule, rules, talk, write_settings

pytestmark = pytest.mark.ray
SECRET = "13812345678"
OTHER = {"let": {"said": {"keywords": ["no idea", "不知道"]}}, "condition": "said"}


class Service:
    """A service of this test's own; its Ray session lies below a folder of its own."""

    def __init__(self, folder: Path, **changes) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.folder = folder
        self.home = Path(f"/tmp/guard-{os.getpid()}-{self.port}")  # Ray's sockets need a short path
        self.home.mkdir()
        settings = write_settings(folder, port=self.port, reload_seconds=0.3, **changes)
        environment = {k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"} | {"RAY_TMPDIR": str(self.home)}
        command = [sys.executable, "-m", "pipelines.guard", str(settings)]
        self.process = subprocess.Popen(command, env=environment, cwd=REPOSITORY, stdout=-1, stderr=-1)
        said = self.process.stdout.readline()
        assert b"the guard answers at" in said, (said, self.process.stderr.read()[-2000:])

    def ask(self, method, path, body=b"", client=None):
        client = client or http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        client.request(method, path, body)
        answer = client.getresponse()
        return answer.status, answer.read()

    def post(self, value, client=None):
        status, body = self.ask("POST", "/inspect", orjson.dumps(value), client)
        assert status == 200, body
        return orjson.loads(body)

    def health(self):
        return orjson.loads(self.ask("GET", "/health")[1])

    def kill(self, name: str) -> None:
        """As the kernel's memory killer would, one process of the service."""
        [pid] = [pid for pid in descendants(self.process.pid) if name in _title(pid)]
        os.kill(pid, signal.SIGKILL)

    def journaled(self) -> set[tuple[str, str]]:
        kept = events(self.folder / "state" / "journal")
        return {(event["request"], one["rule_id"]) for event in kept for one in event.get("found", ())}

    def logs(self) -> bytes:
        paths = [path for path in self.home.rglob("*") if path.is_file() and "logs" in path.parts]
        return b"".join(path.read_bytes() for path in paths)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        finally:
            for pid in [*descendants(self.process.pid), self.process.pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self.home, ignore_errors=True)


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


class Load:
    """Clients that post one after another until told to stop; what was answered, and what was not."""

    def __init__(self, service: Service, reply: str, clients: int = 3) -> None:
        self.service, self.reply, self.ended = service, reply, threading.Event()
        self.answers, self.failures = [], []
        self.threads = [threading.Thread(target=self._work, args=(n,)) for n in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def _work(self, number):
        client, count = http.client.HTTPConnection("127.0.0.1", self.service.port, timeout=60), 0
        while not self.ended.is_set():
            count += 1
            try:
                body = orjson.dumps(talk(self.reply, request_id=f"{number}-{count}"))
                status, said = self.service.ask("POST", "/inspect", body, client)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(type(error).__name__)
                client.close()
                time.sleep(0.05)
                continue
            if status == 200:
                self.answers.append(orjson.loads(said))
            else:
                self.failures.append(status)
                time.sleep(0.05)

    def wait_for(self, num: int) -> None:
        until, target = time.monotonic() + 60, len(self.answers) + num
        while len(self.answers) < target:
            assert time.monotonic() < until, f"{len(self.answers)} answers; {self.failures[-3:]}"
            time.sleep(0.02)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    found = Service(tmp_path_factory.mktemp("guard"), max_body_bytes=100_000)
    yield found
    assert found.stop() == 0


def test_chinese_and_english_turns_are_answered_and_hostile_bodies_refused(service):
    for reply, items in (
        ("随便", ["EXP.no_empathy"]),
        ("whatever", ["EXP.no_empathy"]),
        ("好的", []),
        ("of course", []),
    ):
        answer = service.post(talk(reply, scenario=reply))
        assert [found["item"] for found in answer["findings"]] == items
        assert answer["action"] == ("reflect" if items else "pass")
    for body, status in (
        (b"[" * 5_000, 400),
        (b"\xff", 400),
        (b" " * 3_000_000, 413),
        (b'{"messages": [{"role": "' + SECRET.encode() + b'"}]}', 400),
    ):
        try:
            found, said = service.ask("POST", "/inspect", body)
        except OSError:  # the answer came before the body was taken, and the connection was closed
            assert status == 413
            continue
        assert found == status
        assert {"error", "what", "where", "do"} == orjson.loads(said).keys()
    assert service.ask("GET", f"/{SECRET}?{SECRET}")[0] == 404
    assert service.health()["status"] == "ok"
    assert b'guard_answers_total{action="pass"' in service.ask("GET", "/metrics")[1]


def test_rules_change_under_load_and_no_request_is_dropped(service):
    before = service.health()["ruleset_version"]
    more = rules(service.folder / "more", rule(id="REP.verbatim.001", detect=OTHER))
    with Load(service, "我不知道") as load:
        load.wait_for(5)
        shutil.copytree(more, service.folder / "rules", dirs_exist_ok=True)
        _until(lambda: service.health()["ruleset_version"] != before)
        load.wait_for(5)
        broken = service.folder / "rules" / "rep" / "verbatim" / "001_test.yaml"
        good = broken.read_text()
        broken.write_text(good + "nonsense: 1\n")
        _until(lambda: service.health()["rules_refused"])
        load.wait_for(5)
        broken.write_text(good)
        _until(lambda: not service.health()["rules_refused"])
    assert load.failures == []
    assert [bool(answer["findings"]) for answer in (load.answers[0], load.answers[-1])] == [False, True]
    assert all(answer["inspector"]["inspected"] for answer in load.answers)


def test_a_kill_under_load_loses_no_finding_that_was_accepted(service):
    with Load(service, "whatever") as load:
        load.wait_for(30)
        service.kill("ray::ServeReplica")
        load.wait_for(30)
    accepted = {(answer["request"], found["rule_id"]) for answer in load.answers for found in answer["findings"]}
    assert load.failures, "the kill was noticed"
    assert len(accepted) >= 60
    assert accepted <= service.journaled()
    assert load.answers[-1]["breaker"][0]["state"] == "open", "the circuit outlived the kill"


def test_logs_hold_nothing_of_what_was_posted(service):
    service.post(talk(f"随便, {SECRET}", scenario=SECRET))
    logs = service.logs()
    assert b"rules" in logs, "the service's own log was read"
    assert SECRET.encode() not in logs


def test_several_replicas_share_one_breaker_and_outlive_its_actor(tmp_path):
    service = Service(tmp_path, replicas=2)
    try:
        with Load(service, "whatever") as load:
            load.wait_for(20)
            service.kill("KeeperActor")
            load.wait_for(20)
        accepted = {(answer["request"], found["rule_id"]) for answer in load.answers for found in answer["findings"]}
        assert accepted <= service.journaled()
        assert {service.post(talk("好的"))["action"] for _ in range(10)} == {"fall_back"}, "whoever answers"
    finally:
        service.stop()


def test_settings_that_are_wrong_are_one_sentence(tmp_path):
    settings = write_settings(tmp_path, prot=1)
    command = [sys.executable, "-m", "pipelines.guard", str(settings)]
    done = subprocess.run(command, check=False, cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("RuleError: guard.yaml: unknown key `prot`; known here: breaker, host")


def _until(held, seconds=40):
    until = time.monotonic() + seconds
    while not held():
        assert time.monotonic() < until
        time.sleep(0.1)
