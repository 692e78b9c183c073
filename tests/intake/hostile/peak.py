"""Reads one file as the intake does and prints what was found and the most memory it took: for a process of its own."""

import json
import re
import sys
from collections import Counter
from pathlib import Path

from refinery.errors import ParseError
from refinery.intake.reader import Bad, Limits, read
from refinery.intake.rows import Reading, row, zone_of
from refinery.intake.source import Source


def main() -> None:
    """`python -m tests.intake.hostile.peak PATH`: JSON with rows, reasons, and mebibytes beyond those of the start."""
    source, reading = Source(name="s", path=sys.argv[1]), Reading(b"k" * 32)
    (file,) = source.freeze()
    start, rows, reasons = _peak(), 0, Counter[str]()
    for found in read(source, file, Limits()):
        try:
            if isinstance(found, Bad):
                raise ParseError(found.reason)
            row(found[1], found[0], reading, zone_of(reading))
            rows += 1
        except ParseError as error:
            reasons[error.reason] += 1
    sys.stdout.write(json.dumps({"rows": rows, "reasons": reasons, "mebibytes": _peak() - start}))


def _peak() -> int:
    """Of this process alone: `getrusage` begins with what the process that started it had taken."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found, "the kernel does not say what a process has taken"
    return int(found[1]) // 1024


if __name__ == "__main__":
    main()
