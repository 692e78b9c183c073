"""Driver, worker and node are killed at a seeded moment; what is published is what a calm run publishes."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from refinery.engine.main import refine
from refinery.lake import snapshot
from refinery.storage.store import Store
from tests.engine.runs import published_bytes, table_hashes
from tests.faults.killing import (
    KILLS,
    REPOSITORY,
    Machines,
    drive,
    machines,
    moment,
    num_entries,
    wait_for_entries,
)
from tests.logs import conversation, plan, write

pytestmark = pytest.mark.ray
STAGES = (
    "intake.redact",
    "quality.heuristics",
    "quality.gate",
    "intake.identity",
    "dedup.exact",
    "dedup.near",
    f"inspection.policies: {{path: {REPOSITORY}/rules/policies.yaml}}",
    f"inspection.online: {{rules: {REPOSITORY}/rules}}",
    "routing.srt",
    "routing.rows",
)


@pytest.fixture(scope="module")
def on() -> Iterator[Machines]:
    """The cluster, kept over the tests of this file."""
    with machines() as found:
        yield found


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A plan over 1,200 conversations in a dozen files, and the lake of an undisturbed run in one process."""
    home = tmp_path_factory.mktemp("calm")
    for file in range(12):
        numbers = range(file * 100, file * 100 + 100)
        write(home / "logs" / f"{file:02d}.jsonl", [*(conversation(i) for i in numbers), b"broken"])
    path = plan(home, home / "logs", STAGES, rows=60, input_bytes=20_000, reducer_rows=500)
    refine(path, source=None, target=str(home / "lake"), limit=None, engine="local")
    return path, home / "lake"


def survive(on: Machines, calm: tuple[Path, Path], lake: Path, part: str, seed: int) -> None:
    """One kill, as many starts as it takes (two at most), and the comparison."""
    path, undisturbed = calm
    at = moment(seed, num_entries(undisturbed))
    driver = drive(on, path, lake)
    wait_for_entries(driver, lake, at)
    KILLS[part](driver, on)
    if part == "driver":
        assert driver.returncode == -9
    else:
        driver.wait(timeout=120)
    if driver.returncode != 0:
        assert snapshot.latest(Store(lake)) == 0, "a run that dies publishes nothing"
        write(path.parent / "logs" / "0a.jsonl", [conversation(77_777)])  # comes too late for this run
        try:
            again = drive(on, path, lake)
            _, said = again.communicate(timeout=180)
            assert again.returncode == 0, said.decode()[-2000:]
        finally:
            (path.parent / "logs" / "0a.jsonl").unlink()
    time.sleep(0.5)  # orphans of the killed driver may still finish; they change nothing
    assert snapshot.latest(Store(lake)) == 1
    assert table_hashes(lake) == table_hashes(undisturbed)
    assert published_bytes(lake) == published_bytes(undisturbed)
    on.renew()


@pytest.mark.parametrize("part", KILLS)
def test_a_kill_costs_no_row_and_no_byte(on, calm, tmp_path, part):
    survive(on, calm, tmp_path / "lake", part, seed=20261122)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("part", KILLS)
def test_ten_kills_of_each_cost_no_row_and_no_byte(on, calm, tmp_path, part, seed):
    survive(on, calm, tmp_path / "lake", part, seed)


def test_ray_and_this_process_publish_the_same_bytes(on, calm, tmp_path):
    driver = drive(on, calm[0], tmp_path / "lake")
    _, said = driver.communicate(timeout=180)
    assert driver.returncode == 0, said.decode()[-2000:]
    assert published_bytes(tmp_path / "lake") == published_bytes(calm[1])
