"""Tasks as one Ray Data job: a row a task, a map that does it; conversations never cross the object store."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
import ray
from ray.exceptions import RayTaskError

from refinery.errors import RefineryError


class ClusterExecutor:
    """Runs on the Ray cluster that `RAY_ADDRESS` names, else on one of this machine's own, started now."""

    def __init__(self) -> None:
        if not ray.is_initialized():
            ray.init(log_to_driver=False, logging_level=logging.ERROR)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        # A task that raises has a fault that trying again will not mend; a worker that dies is tried again by Ray.
        context.max_errored_blocks = 0
        logging.getLogger("ray.data").setLevel(logging.ERROR)

    def run(self, function: Callable[[dict[str, Any]], None], tasks: Sequence[dict[str, Any]]) -> Iterator[None]:
        """Yields once for each task done, in the order they finish; raises what a task raised, with its class."""

        def do(row: dict[str, Any]) -> dict[str, Any]:
            together = orjson.loads(row["tasks"])
            for task in together:
                function(task)
            return {"done": len(together)}

        # Ray hands out about ten rows a second, so small tasks go together; eight rows a core keep the cores even.
        size = -(-len(tasks) // (8 * max(1, int(_resources().get("CPU", 1)))))
        rows = [{"tasks": orjson.dumps(tasks[i : i + size])} for i in range(0, len(tasks), size)]
        jobs = ray.data.from_items(rows, override_num_blocks=len(rows)).map(do)
        try:
            for row in jobs.iter_rows():
                yield from [None] * row["done"]
        except RayTaskError as error:
            raise _cause(error) from None


def _resources() -> dict[str, float]:
    found: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return found


def _cause(error: RayTaskError) -> BaseException:
    """Our own error out of Ray's wrapping."""
    cause: BaseException | None = error
    while cause is not None:
        inner = getattr(cause, "cause", None)
        if isinstance(inner, RefineryError):
            return inner
        cause = inner if isinstance(inner, BaseException) and inner is not cause else cause.__cause__
    return error
