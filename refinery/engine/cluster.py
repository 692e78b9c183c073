"""Tasks as one Ray Data job: a row a task, a map that does it; conversations never cross the object store."""

import logging
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
import ray

from refinery import errors
from refinery.errors import RefineryError, StorageError
from refinery.storage.remote import adopt, settings


class ClusterExecutor:
    """Runs on the Ray cluster that `RAY_ADDRESS` names, else on one of this machine's own, started now."""

    def __init__(self) -> None:
        if not ray.is_initialized():
            _reachable(os.environ.get("RAY_ADDRESS", ""))
            # A cluster of this process's own needs no dashboard: it costs processes and seconds.
            own = not os.environ.get("RAY_ADDRESS")
            ray.init(log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False if own else None)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        # A task that raises has a fault that trying again will not mend; a worker that dies is tried again by Ray.
        context.max_errored_blocks = 0
        logging.getLogger("ray.data").setLevel(logging.ERROR)

    def run(self, function: Callable[[dict[str, Any]], None], tasks: Sequence[dict[str, Any]]) -> Iterator[None]:
        """Yields once for each task done, in the order they finish; raises what a task raised, with its class."""
        variables = settings()

        def do(row: dict[str, Any]) -> dict[str, Any]:
            adopt(variables)  # a node started by somebody else does not have this driver's environment
            together = orjson.loads(row["tasks"])
            try:
                for task in together:
                    function(task)
            except (RefineryError, OSError) as error:  # as data: Ray would wrap it beyond recognition
                return {"done": 0, "error": orjson.dumps([type(error).__name__, [str(x) for x in error.args]])}
            return {"done": len(together), "error": b""}

        # Ray hands out about ten rows a second, so small tasks go together; eight rows a core keep the cores even.
        size = -(-len(tasks) // (8 * max(1, int(_resources().get("CPU", 1)))))
        rows = [{"tasks": orjson.dumps(tasks[i : i + size])} for i in range(0, len(tasks), size)]
        for row in ray.data.from_items(rows, override_num_blocks=len(rows)).map(do).iter_rows():
            if row["error"]:
                raise _error(*orjson.loads(row["error"]))
            yield from [None] * row["done"]


def _error(name: str, arguments: list[str]) -> RefineryError:
    """The worker's error with its class; one of the machine (a full disk, say) as StorageError."""
    kind = getattr(errors, name, None)
    if isinstance(kind, type) and issubclass(kind, RefineryError):
        return kind(*arguments)
    return StorageError(f"a worker met {name}: {' '.join(arguments)}")


def _reachable(address: str) -> None:
    """Raises StorageError, within seconds and not Ray's minute of log, where nothing listens at host:port."""
    host, _, port = address.rpartition(":")
    if not port.isdigit() or "/" in host:
        return
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        raise StorageError(f"no Ray cluster answers at {address} (RAY_ADDRESS): {error}") from None


def _resources() -> dict[str, float]:
    found: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return found
