"""Whole runs whose source and lake lie on a real S3 server: the rows of local files, through kills and races."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import orjson
import pytest
import s3fs
from typer.testing import CliRunner

from benchmarks import scale
from pipelines.demo_log import make, write
from refinery.cli import app
from refinery.engine.key import deployment_key
from refinery.engine.local import LocalExecutor
from refinery.engine.main import refine
from refinery.engine.run import Run
from refinery.errors import InputError, StorageError
from refinery.intake.reader import Limits, read
from refinery.intake.source import Source
from refinery.lake import snapshot
from refinery.plan import load
from refinery.storage import remote
from refinery.storage.store import Store
from tests import logs
from tests.engine.runs import DyingExecutor, Killed, published_bytes, rows, run, table_hashes
from tests.faults.killing import machines
from tests.intake.oracle import CONTENT, NAMES, packed
from tests.logs import conversation, plan
from tests.storage import s3

pytestmark = pytest.mark.slow
REPOSITORY = Path(__file__).resolve().parents[2]
DEMO = REPOSITORY / "pipelines" / "plans" / "demo.yaml"
RUN_ID = ("run_id",)
"""Names its plan and sources, so it differs where the source lies elsewhere; all else is the same."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The demo's log, and a lake of a local run over it."""
    home = tmp_path_factory.mktemp("demo")
    write(home / "log", make()[0])
    refine(DEMO, source=str(home / "log"), target=str(home / "lake"), limit=None, engine="local")
    return home / "log", home / "lake"


def put(folder: Path, prefix: str) -> str:
    """Uploads a folder; its address."""
    fs = s3fs.S3FileSystem(skip_instance_cache=True, use_listings_cache=False)
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        fs.put_file(str(path), f"{prefix}/{folder.name}/{path.relative_to(folder)}")
    return f"{prefix}/{folder.name}"


def replace(address: str, data: bytes) -> None:
    """Another object under an address."""
    s3fs.S3FileSystem(skip_instance_cache=True).pipe_file(address, data)


def test_source_and_lake_on_s3_give_the_rows_of_local_files(demo, prefix):
    log, lake = demo
    refine(DEMO, source=put(log, prefix), target=f"{prefix}/lake", limit=None, engine="local")
    assert table_hashes(f"{prefix}/lake", RUN_ID) == table_hashes(lake, RUN_ID)
    assert rows(f"{prefix}/lake", "SELECT count(*) FROM conversations") == [(2_000,)]


@pytest.mark.ray
def test_nodes_that_know_no_bucket_of_their_own_reach_the_drivers(demo, prefix, monkeypatch):
    """The cluster is started without a word on S3; the driver alone has keys and endpoint."""
    log, lake = demo
    source, driver = put(log, prefix), remote.settings()
    for name in driver:
        monkeypatch.delenv(name)
    command = [sys.executable, "-m", "pipelines.refine", str(DEMO), "--source", source, "--target", f"{prefix}/lake"]
    with machines() as on:
        environment = os.environ | driver | {"RAY_ADDRESS": on.cluster.address}
        done = subprocess.run(command, check=False, cwd=REPOSITORY, env=environment, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert s3.SECRET not in done.stderr.decode()
    for name, value in driver.items():
        monkeypatch.setenv(name, value)
    assert table_hashes(f"{prefix}/lake", RUN_ID) == table_hashes(lake, RUN_ID)


def test_a_lake_on_s3_holds_the_bytes_of_a_local_one(demo, prefix):
    """Of the published files; work files are packed on their way to a bucket, and not on a disk."""
    log, lake = demo
    refine(DEMO, source=str(log), target=f"{prefix}/lake", limit=None, engine="local")
    assert published_bytes(f"{prefix}/lake") == published_bytes(lake)


def test_real_logs_of_every_format_give_the_same_rows(shared, prefix, tmp_path):
    scale.write(shared, tmp_path / "real", conversations=400)
    refine(scale.PLAN, source=str(tmp_path / "real"), target=str(tmp_path / "lake"), limit=None, engine="local")
    source = put(tmp_path / "real", prefix)
    refine(scale.PLAN, source=source, target=f"{prefix}/lake", limit=None, engine="local")
    assert table_hashes(f"{prefix}/lake", RUN_ID) == table_hashes(tmp_path / "lake", RUN_ID)
    ((sources, read),) = rows(f"{prefix}/lake", "SELECT count(DISTINCT source), count(*) FROM conversations")
    assert sources == 6 and read > 350


def _command(*words: str) -> str:
    done = CliRunner().invoke(app, [*words])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_command_line_reads_a_lake_on_s3(demo, prefix, tmp_path):
    log, local = demo
    told = CliRunner().invoke(
        app, ["run", str(DEMO), "--source", str(log), "--target", f"{prefix}/lake", "--engine", "local"]
    )
    assert told.exit_code == 0, told.output
    assert "catalog.duckdb" not in told.stderr, "there is no catalog in a bucket"
    query = "SELECT item, count(*) AS n FROM findings GROUP BY ALL ORDER BY ALL"
    seen = []
    for lake in (f"{prefix}/lake", str(local)):
        answers = [_command("sql", query, "--lake", lake, "--format", form) for form in ("json", "csv")]
        assert orjson.loads(answers[0].splitlines()[0])["n"] > 0
        seen.append(answers)
        _command("export", "--lake", lake, "--out", str(tmp_path / Path(lake).parent.name))
    assert seen[0] == seen[1]
    there, here = (tmp_path / Path(lake).parent.name for lake in (f"{prefix}/lake", str(local)))
    assert (there / "sft" / "train.jsonl").read_bytes() == (here / "sft" / "train.jsonl").read_bytes()
    assert "demo" in _command("runs", "--lake", f"{prefix}/lake")
    assert _command(
        "sql", "SELECT 1 AS one", "--lake", f"{prefix}/lake", "--as-of", "1", "--format", "csv"
    ).split() == ["one", "1"]


def _small(folder: Path, prefix: str, files: int = 6) -> tuple[Path, str]:
    """A plan over a few files of a bucket, cut small; the path, and where the logs lie."""
    for file in range(files):
        logs.write(folder / "logs" / f"{file}.jsonl", [*(conversation(file * 40 + i) for i in range(40)), b"{"])
    source = put(folder / "logs", prefix)
    return plan(folder, source, rows=20, input_bytes=6_000, reducer_rows=100), source  # type: ignore[arg-type]


def test_a_killed_driver_goes_on_where_it_was_and_publishes_the_same_bytes(prefix, tmp_path):
    path, _ = _small(tmp_path, prefix)
    lake = Store(f"{prefix}/lake")
    command = [sys.executable, "-m", "refinery.cli", "run", str(path), "--target", lake.url, "--engine", "local"]
    driver = subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while not (entries := _entries(lake)):
        assert driver.poll() is None and time.monotonic() < until
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert snapshot.latest(lake) == 0, "the kill came before publication"
    again = DyingExecutor(1_000)
    Run(load(path), lake, deployment_key(), again, lambda *_: None)()
    Run(load(path), Store(f"{prefix}/calm"), deployment_key(), calm := DyingExecutor(1_000), lambda *_: None)()
    assert again.left - calm.left >= len(entries), "what was booked is not done again"
    assert published_bytes(lake.url) == published_bytes(f"{prefix}/calm")
    assert table_hashes(lake.url) == table_hashes(f"{prefix}/calm")


def _entries(lake: Store) -> list[str]:
    return [path for path in lake.list("runs") if "/manifest/" in path]


def test_of_two_drivers_that_publish_at_once_one_wins(prefix, tmp_path):
    """Both work to the end; both say snapshot 1, and one of them wrote it."""
    path, _ = _small(tmp_path, prefix, files=2)
    together, said = threading.Barrier(2), []

    class Together(LocalExecutor):
        def run(self, function, tasks):
            together.wait(60)
            yield from super().run(function, tasks)
            together.wait(60)

    def drive() -> None:
        said.append(Run(load(path), Store(f"{prefix}/lake"), deployment_key(), Together(), lambda *_: None)())

    drivers = [threading.Thread(target=drive) for _ in range(2)]
    for driver in drivers:
        driver.start()
    for driver in drivers:
        driver.join()
    assert [report.snapshot for report in said] == [1, 1]
    assert Store(f"{prefix}/lake").list("snapshots") == ["snapshots/00000001.json"]
    assert rows(f"{prefix}/lake", "SELECT count(*), count(DISTINCT conversation_id) FROM conversations") == [(80, 80)]
    assert rows(f"{prefix}/lake", "SELECT count(*) FROM runs") == [(1,)]


def test_an_object_that_changes_after_the_freeze_is_refused(prefix, tmp_path):
    path, source = _small(tmp_path, prefix, files=1)
    with pytest.raises(Killed):
        run(path, f"{prefix}/lake", DyingExecutor(0))
    was = (tmp_path / "logs" / "0.jsonl").read_bytes()
    replace(f"{source}/0.jsonl", was.replace(b"done 7", b"gone 7"))  # as long as it was: only its ETag tells
    with pytest.raises(InputError, match="0.jsonl changed since the run froze its input; restore it"):
        run(path, f"{prefix}/lake")
    replace(f"{source}/0.jsonl", was)
    assert run(path, f"{prefix}/lake").published
    replace(f"{source}/1.jsonl", was)
    assert "1 files are new, 0 changed and 0 are gone" in run(path, f"{prefix}/lake").changes


def test_an_object_that_is_gone_is_named(prefix, tmp_path):
    path, source = _small(tmp_path, prefix, files=1)
    with pytest.raises(Killed):
        run(path, f"{prefix}/lake", DyingExecutor(0))
    s3fs.S3FileSystem(skip_instance_cache=True).rm_file(f"{source}/0.jsonl")
    with pytest.raises(InputError, match="0.jsonl was in the frozen input and is gone"):
        run(path, f"{prefix}/lake")


FAULTS = {
    "secret": ({"AWS_SECRET_ACCESS_KEY": "not-the-secret"}, "access refused", "AWS_SECRET_ACCESS_KEY"),
    "key": ({"AWS_ACCESS_KEY_ID": "not-the-key"}, "access refused", "AWS_ACCESS_KEY_ID"),
    "endpoint": ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "no answer from http://127.0.0.1:1", "AWS_ENDPOINT_URL"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_source_that_cannot_be_reached_is_one_sentence_without_a_secret(prefix, tmp_path, monkeypatch, fault):
    path, source = _small(tmp_path, prefix, files=1)
    changed, what, do = FAULTS[fault]
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    for target in (str(tmp_path / "lake"), f"{prefix}/lake"):
        done = CliRunner().invoke(app, ["run", str(path), "--target", target, "--engine", "local"])
        assert done.exit_code == 1
        (said,) = [line for line in done.stderr.splitlines() if "Error: " in line]
        assert said.startswith("StorageError: ") and what in said and do in said
        assert (source in said) is ("://" not in target), "the lake is asked first"
        assert "Traceback" not in done.output
        assert not any(secret in done.output for secret in (s3.SECRET, "not-the"))


def test_access_lost_in_the_middle_of_a_run_stops_it_and_quarantines_nothing(prefix, tmp_path, monkeypatch):
    """A local file that may not be read costs that file; a bucket that shuts its door would cost all the rest."""
    path, source = _small(tmp_path, prefix, files=2)

    class Expiring(LocalExecutor):
        def run(self, function, tasks):
            for done in super().run(function, tasks):
                monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "expired")
                yield done

    with pytest.raises(StorageError, match=rf"cannot read {source}/.*: access refused"):
        run(path, tmp_path / "lake", Expiring())
    assert snapshot.latest(Store(tmp_path / "lake")) == 0


@pytest.mark.parametrize("name", NAMES)
def test_every_container_is_read_from_a_bucket_as_from_a_disk(prefix, tmp_path, monkeypatch, name):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / name).write_bytes(packed(name, CONTENT))
    here, there = (Source(name="logs", path=path) for path in (str(tmp_path / "logs"), put(tmp_path / "logs", prefix)))
    found = [list(read(source, *source.freeze(), Limits())) for source in (here, there)]
    assert found[0] == found[1] != []
    (file,) = there.freeze()
    monkeypatch.setattr("s3fs.core.S3File._fetch_range", _refused)
    with pytest.raises(StorageError, match="cannot read s3://.*: access refused"):
        list(read(there, file, Limits()))


def _refused(*_: object) -> bytes:
    raise PermissionError("the token expired")


def test_turn_tables_are_read_from_a_bucket_as_from_a_disk(prefix, tmp_path):
    from tests.engine import test_turn_tables as tables

    made = [row for number in range(30) for row in tables.turns(number)]
    for name, some in {"a.csv": made[::2], "b.parquet": made[1::4], "c.tsv.gz": made[3::4]}.items():
        tables.write(tmp_path / "logs", name, some)
    for lake, source in ((tmp_path / "lake", tmp_path / "logs"), (f"{prefix}/lake", put(tmp_path / "logs", prefix))):
        path = tmp_path / "plan.yaml"
        path.write_text(tables.PLAN.format(path=source, columns=tables.COLUMNS, more="", input_bytes=4000))
        run(path, lake)
    assert table_hashes(f"{prefix}/lake", RUN_ID) == table_hashes(tmp_path / "lake", RUN_ID)
    assert rows(f"{prefix}/lake", "SELECT count(*) FROM turns") == [(120,)]


def test_nothing_at_an_address_is_said(prefix, tmp_path):
    with pytest.raises(InputError, match=f"nothing is at {prefix}/nowhere; give a file, a folder or a glob"):
        run(plan(tmp_path, f"{prefix}/nowhere"), tmp_path / "lake")  # type: ignore[arg-type]


def test_a_glob_a_file_and_names_with_strange_characters_are_read_from_a_bucket(prefix, tmp_path):
    for number, name in enumerate(("a b.jsonl", "年.jsonl", "c%20d#e?.jsonl", "x::y.jsonl")):
        logs.write(tmp_path / "logs" / name, [conversation(number)])
    source = put(tmp_path / "logs", prefix)
    found = load(plan(tmp_path, source)).sources[0].freeze()  # type: ignore[arg-type]
    assert sorted(file.name for file in found) == sorted(p.name for p in (tmp_path / "logs").iterdir())
    run(plan(tmp_path, source), tmp_path / "lake")  # type: ignore[arg-type]
    assert rows(tmp_path / "lake", "SELECT count(*) FROM conversations") == [(4,)]
    globbed = load(plan(tmp_path, f"{source}/*b.jsonl")).sources[0].freeze()  # type: ignore[arg-type]
    assert [file.name for file in globbed] == ["a b.jsonl"]
    alone = load(plan(tmp_path, f"{source}/a b.jsonl")).sources[0].freeze()  # type: ignore[arg-type]
    assert alone[0]._replace(name="") == globbed[0]._replace(name="")
