"""Tasks one after the other in this process: for tests, small data and `--engine local`."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any


class LocalExecutor:
    """Runs in this process, in order."""

    def run(self, function: Callable[[dict[str, Any]], None], tasks: Sequence[dict[str, Any]]) -> Iterator[None]:
        """Yields after each task; raises what a task raises."""
        for task in tasks:
            function(task)
            yield
