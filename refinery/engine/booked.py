"""A task function that books what it did, and the protocol of whoever runs it."""

import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from refinery.engine import ask, intake
from refinery.engine.exchange import map_task, reduce_task
from refinery.engine.manifest import Entry, put_entry
from refinery.engine.passes import Kind
from refinery.engine.tasks import Work, shard_task

Task = dict[str, Any]
_FUNCTIONS: Final[dict[Kind, Callable[[Work, Task], Entry]]] = {
    "stages": shard_task,
    "map": map_task,
    "reduce": reduce_task,
    "lines": intake.line_task,
    "fold": ask.fold_task,
    "need": ask.need_task,
    "seal": ask.seal_task,
}


class Executor(Protocol):
    """Runs tasks somewhere. A task books itself in the manifest, so nothing comes back but that it is done."""

    def run(self, function: Callable[[Task], None], tasks: Sequence[Task]) -> Iterator[None]:
        """Runs each task, yielding once for each that is done, in any order; raises what a task raised."""


@dataclass(frozen=True)
class Booked:
    """Does a pass's tasks; it pickles to workers with the pass's work."""

    work: Work
    facts: intake.Intake | None = None

    @property
    def manifest(self) -> str:
        """The folder of the pass's entries."""
        return f"{self.work.folder}/manifest"

    def __call__(self, task: Task) -> None:
        """Does the task and puts its manifest entry."""
        # Parsed JSON and rows are trees: searching them for cycles took a quarter of the time of the intake.
        gc.disable()
        try:
            put_entry(self.work.store, self.manifest, self._entry(task))
        finally:
            gc.enable()

    def _entry(self, task: Task) -> Entry:
        if self.facts is not None and self.work.kind == "gather":
            return intake.gather_task(self.work, self.facts, task)
        if self.facts is not None:
            return intake.intake_task(self.work, self.facts, task)
        return _FUNCTIONS[self.work.kind](self.work, task)
