"""The online inspector as a service on Ray Serve: findings, what to do and the breaker's state for each turn.

On this machine it serves until it is ended (Ctrl-C, SIGTERM). On a cluster (`RAY_ADDRESS`, or as a Ray job) it is left
running, replaced by the next call, and taken down by `serve shutdown`.
"""

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from refinery.engine.cluster import ClusterExecutor
from refinery.errors import RefineryError, RuleError
from refinery.guard import serving
from refinery.guard.rules import has_good
from refinery.guard.settings import Settings, load_settings
from refinery.inspection.rulebook import load_rulebook


def main() -> int:
    """Exit code 1 and one sentence where the service cannot start."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("settings", type=Path, nargs="?", default=Path("pipelines/guard.yaml"), help="settings in YAML")
    try:
        settings = load_settings(parser.parse_args().settings)
        _checked(settings)
        _serve(settings)
    except (RefineryError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except RuntimeError as error:  # Serve's word for a deployment that does not come up
        print(f"the service did not start: {str(error).strip().splitlines()[-1]}", file=sys.stderr)
        return 1
    return 0


def _checked(settings: Settings) -> None:
    """Says here what is wrong with the rules; with good ones from an earlier run the service starts all the same."""
    try:
        load_rulebook(Path(settings.rules))
    except RuleError as error:
        if not has_good(Path(settings.state)):
            raise
        print(f"{error}\nthe last good rules serve instead", file=sys.stderr)


def _serve(settings: Settings) -> None:
    cluster = bool(os.environ.get("RAY_ADDRESS"))
    if not cluster:  # processes of this machine, which need not share this one's folder
        paths = {name: str(Path(getattr(settings, name)).absolute()) for name in ("rules", "state")}
        settings = settings.model_copy(update=paths)
    ClusterExecutor()  # connects, or starts Ray on this machine
    url = serving.start(settings)
    print(f"the guard answers at {url}/inspect, {url}/health, {url}/metrics", flush=True)
    if not cluster:
        ended = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ended.set())
        ended.wait()
        serving.stop()


if __name__ == "__main__":
    sys.exit(main())
