"""The coverage-guided fuzzer, for as long as REFINERY_FUZZ_SECONDS says (five minutes unless it does)."""

import os
import subprocess
import sys

import pytest


@pytest.mark.soak
def test_the_fuzzer_finds_no_input_that_breaks_a_claim(tmp_path):
    pytest.importorskip("atheris", reason="pip install -e '.[soak]'")
    seconds = os.environ.get("REFINERY_FUZZ_SECONDS", "300")
    corpus = tmp_path / "corpus"
    command = [sys.executable, "-W", "ignore", "-m", "tests.intake.fuzz_reader", seconds, str(corpus)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=int(seconds) + 300, check=False)
    told = done.stderr[-6_000:]
    assert done.returncode == 0, f"the input is kept below {tmp_path}\n{told}"
    assert "number_of_executed_units" in told
    print(told[told.index("Done") :])  # noqa: T201 (the soak's own log: runs and seconds)
