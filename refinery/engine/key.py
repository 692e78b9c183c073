"""The deployment's key, with which content and customers are hashed; a lake is bound to the key it was made with."""

import os
import secrets
from pathlib import Path
from typing import Final

from refinery.errors import LakeError, PlanError
from refinery.intake.rows import digest
from refinery.storage.store import Store

_MIN_CHARS: Final = 16


def deployment_key() -> bytes:
    """The key: REFINERY_KEY, or the file REFINERY_KEY_FILE (~/.config/refinery/key), made on first use.

    Lost or changed, rows of later nights no longer match earlier ones; keep it as you keep a password, and give every
    machine that starts runs the same. Raises PlanError where it cannot be read or is too short to protect anything.
    """
    text = os.environ.get("REFINERY_KEY")
    if text is None:
        path = Path(os.environ.get("REFINERY_KEY_FILE") or Path.home() / ".config" / "refinery" / "key")
        try:
            text = path.read_text(encoding="utf-8") if path.exists() else _made(path)
        except (OSError, UnicodeDecodeError) as error:
            raise PlanError(f"cannot read or make the key file {path}: {error}; set REFINERY_KEY") from None
    if len(text.strip()) < _MIN_CHARS:
        raise PlanError(f"the key (REFINERY_KEY or its file) has fewer than {_MIN_CHARS} characters; make a longer one")
    return digest("deployment", text.strip()).encode()


def _made(path: Path) -> str:
    """Writes a new key whole or not at all; where another process was first, its key counts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
    return path.read_text(encoding="utf-8")


def bind(lake: Store, key: bytes) -> str:
    """Ties a new lake to the key, by a hash of it; raises LakeError where the lake was made with another."""
    mine = digest("key", key=key)
    if not lake.put_new("key_id", mine.encode()) and lake.read("key_id").decode() != mine:
        raise LakeError(
            f"{lake.url} was made with another key, so its hashes would match nothing of this run; set REFINERY_KEY or "
            "REFINERY_KEY_FILE to the key it was made with, or give another --target"
        )
    return mine
