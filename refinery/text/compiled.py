"""Functions over Arrow buffers compiled to machine code by numba, once a machine and not once a process.

Compiled code is kept in the user's cache folder under a hash of every kernel's source: numba itself looks only at the
file of the function it loads, and would take over a caller whose callee has changed in another file.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """The function compiled on first call for the types it is given; it runs without Python and without its lock."""
    dispatcher: Any = numba.njit(nogil=True, error_model="numpy")(function)
    with _kept():
        try:
            dispatcher.enable_caching()
        except (OSError, RuntimeError):  # a home that cannot be written: each process compiles for itself
            pass
    kernel: F = dispatcher
    return kernel


@contextmanager
def _kept() -> Iterator[None]:
    settings: Any = numba.config
    before = settings.CACHE_DIR
    settings.CACHE_DIR = before or str(_folder())
    try:
        yield
    finally:
        settings.CACHE_DIR = before


@cache
def _folder() -> Path:
    """Of this user alone: what lies there is loaded as code."""
    package = Path(__file__).parents[1]
    sources = sorted(p for family in ("text", "dedup", "knowledge") for p in (package / family).glob("*.py"))
    digest = hashlib.sha256(b"\0".join(p.read_bytes() for p in sources)).hexdigest()
    return Path.home() / ".cache" / "refinery" / f"kernels-{digest[:16]}"
