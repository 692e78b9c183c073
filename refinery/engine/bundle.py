"""Steps on their way to a worker, with the content of the files they name: a worker needs no path of the driver's."""

import hashlib
import tempfile
from pathlib import Path
from typing import NamedTuple

from refinery.stage import Step


class Bundle(NamedTuple):
    """A step, and for each parameter that is a path its files: name below the path ("" for a file itself) -> bytes."""

    step: Step
    files: dict[str, dict[str, bytes]]

    def unpack(self) -> Step:
        """The step with its paths pointing to copies on this machine, in folders named by content."""
        return self.step.model_copy(update={name: _lay(files) for name, files in self.files.items()})


def bundle(step: Step) -> Bundle:
    """The step with the files it names, read now."""
    return Bundle(step, {name: _content(value) for name, value in step if isinstance(value, Path)})


def _content(path: Path) -> dict[str, bytes]:
    if path.is_dir():
        return {str(p.relative_to(path)): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}
    return {f"./{path.name}": path.read_bytes()}


def _lay(files: dict[str, bytes]) -> Path:
    digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:32]
    home = Path(tempfile.gettempdir()) / f"refinery-files-{_user()}" / digest
    if not home.exists():
        home.parent.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent) as scratch:
            for name, data in files.items():
                target = Path(scratch) / "files" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            try:
                (Path(scratch) / "files").rename(home)
            except OSError:
                if not home.exists():
                    raise
    single = next(iter(files)) if len(files) == 1 else ""
    return home / single[2:] if single.startswith("./") else home


def _user() -> str:
    import os

    return str(os.getuid()) if hasattr(os, "getuid") else "all"
