"""The rules folder while people edit it: a new set serves when all of it is right, else the last good one goes on.

Rules are copied before they are read, so that what serves is what was checked, and the last good copy is kept beside
the state: a service that starts while the folder is broken serves that one, and says so.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from refinery.errors import RuleError
from refinery.guard.inspection import Inspection

_GOOD: Final = "rules-good"


def has_good(state: Path) -> bool:
    """Whether rules that served before are kept there."""
    return (state / _GOOD).exists()


Signature = tuple[tuple[str, int, int], ...]


class Rules:
    """Looks at a folder, and opens it when it changed and came to rest."""

    def __init__(self, folder: Path, state: Path) -> None:
        self._folder, self._state = folder, state
        self._seen = self._opened = self._signature()
        self.refused: str | None = None
        """Why the folder as it is now does not serve."""

    def start(self) -> Inspection:
        """The folder's rules, or the last good ones where it is refused; RuleError where there are none either."""
        try:
            return self._open(self._folder)
        except RuleError as error:
            if not has_good(self._state):
                raise
            self.refused = str(error)
            return self._open(self._state / _GOOD)

    def look(self) -> Inspection | None:
        """A new set to serve from now on, or None: nothing changed, it changes still, or it was refused."""
        now = self._signature()
        at_rest, self._seen = now == self._seen, now
        if now == self._opened or not at_rest:
            return None
        self._opened = now
        try:
            found = self._open(self._folder)
        except RuleError as error:
            self.refused = str(error)
            return None
        self.refused = None
        return found

    def _open(self, folder: Path) -> Inspection:
        self._state.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="rules-", dir=self._state) as aside:
            copy = Path(aside) / "copy"
            try:
                shutil.copytree(folder, copy)
            except (OSError, shutil.Error) as error:
                raise RuleError(
                    f"{folder.name}: cannot be read whole ({type(error).__name__}); save it again"
                ) from None
            found = Inspection(copy)
            self._keep(copy, found.version)
        return found

    def _keep(self, copy: Path, version: str) -> None:
        """Makes the copy the last good one; a name for each version, and a link that is replaced at once."""
        kept, link = self._state / f"rules-{version}", self._state / _GOOD
        if not kept.exists():
            os.rename(copy, kept)
        aside = self._state / f".{_GOOD}-{os.getpid()}"
        aside.unlink(missing_ok=True)
        aside.symlink_to(kept.name)
        os.replace(aside, link)
        for other in self._state.glob("rules-" + "?" * len(version)):
            if other != kept:
                shutil.rmtree(other, ignore_errors=True)

    def _signature(self) -> Signature:
        found = list[tuple[str, int, int]]()
        for place, _, names in os.walk(self._folder):
            for name in names:
                try:
                    stat = os.stat(os.path.join(place, name))
                except OSError:
                    continue
                found.append((os.path.join(place, name), stat.st_mtime_ns, stat.st_size))
        return tuple(sorted(found))
