"""Takes today's outcomes as the golden ones: `python -m tests.intake.hostile.accept`; read the difference."""

import difflib
import sys
import tempfile
from pathlib import Path

from tests.intake.hostile.table import CASES, GOLDEN, outcomes, run_sources, text


def main() -> None:
    """Writes outcomes.md and prints what changed."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "logs").mkdir()
        run_sources(home, [case.write(home / "logs") for case in CASES])
        found = outcomes(home / "lake", "source")
    new = text({case.name: found.get(f"s{n}", (0, {}, {}, {})) for n, case in enumerate(CASES)})
    old = GOLDEN.read_text(encoding="utf-8") if GOLDEN.exists() else ""
    GOLDEN.write_text(new, encoding="utf-8")
    changed = difflib.unified_diff(old.splitlines(True), new.splitlines(True), "before", "now", n=0)
    sys.stdout.write("".join(changed) or "nothing changed\n")


if __name__ == "__main__":
    main()
