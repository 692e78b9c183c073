"""Steps on their way to a worker, with the content of the files they name: a worker needs no path of the driver's."""

import atexit
import hashlib
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Self

from refinery.stage import Contents, Step


class Bundle(NamedTuple):
    """A step and what its files held when the run started: rules edited meanwhile do not enter half-way."""

    step: Step
    contents: Contents

    @classmethod
    def of(cls, step: Step) -> Self:
        """The step with the files it names, read now."""
        return cls(step, step.contents())

    def fingerprint(self, parameters: dict[str, Any] | None = None) -> str:
        """The step's fingerprint over these contents, and over these parameters where not all count."""
        return self.step.fingerprint(self.contents, parameters)

    def unpack(self) -> Step:
        """The step with its paths pointing to copies that this process made for itself."""
        places = {name: _laid(tuple(sorted(files.items()))) for name, files in self.contents.items()}
        return self.step.model_copy(update=places)


@cache
def _home() -> Path:
    """A folder of this process alone; nobody else can put files into it or take them away."""
    home = Path(tempfile.mkdtemp(prefix="refinery-files-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home


@cache
def _laid(files: tuple[tuple[str, bytes], ...]) -> Path:
    place = _home() / hashlib.sha256(repr(files).encode()).hexdigest()[:32]
    for name, data in files:
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return place / files[0][0] if len(files) == 1 and files[0][0].startswith("./") else place
