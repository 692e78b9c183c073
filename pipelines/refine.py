"""The main job: read plan, run, publish, book. `ray job submit -- python -m pipelines.refine PLAN --target LAKE`."""

import argparse
import sys
from pathlib import Path

from refinery.engine.main import refine
from refinery.errors import RefineryError


def main() -> int:
    """Runs the plan on the cluster that the job is on; exit code 1 and one sentence where it cannot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", type=Path, help="plan in YAML")
    parser.add_argument(
        "--source", help="path or URL instead of the plan's: of its only source, or the root of several"
    )
    parser.add_argument("--target", required=True, help="lake to publish into, a folder or URL that every node reaches")
    parser.add_argument("--limit", type=int, help="read at most N records of each source")
    args = parser.parse_args()
    try:
        refine(args.plan, source=args.source, target=args.target, limit=args.limit, engine="cluster")
    except (RefineryError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
