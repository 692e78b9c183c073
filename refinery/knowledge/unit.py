"""A unit on its way into a base: its content, the id that follows from it, and why it may not be used."""

import hashlib
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Self

import orjson

from refinery.text.normalise import has_han, normalise

_CONTENT: Final = ("kind", "scenarios", "entity", "background", "questions", "solution", "tools", "output_format")


@dataclass(frozen=True)
class Unit:
    """`key`: document#place. `tools`: dicts of TOOL's fields. Days are YYYY-MM-DD or None."""

    key: str
    kind: str
    scenarios: tuple[str, ...]
    background: str
    questions: tuple[str, ...]
    solution: str
    entity: str | None = None
    tools: tuple[dict[str, str], ...] = field(default=(), hash=False)
    output_format: str | None = None
    valid_from: str | None = None
    valid_until: str | None = None
    version: int = 0
    set_aside_why: str | None = None
    duplicate_of: str | None = None

    @property
    def unit_id(self) -> str:
        """32 hex characters of the content: equal content has one id wherever it stands, on any machine."""
        values = asdict(self)
        body = orjson.dumps([values[name] for name in _CONTENT], option=orjson.OPT_SORT_KEYS)
        return hashlib.blake2b(body, digest_size=16).hexdigest()

    @property
    def language(self) -> str:
        """Chinese (zh) where the solution or its background is written in it, else en."""
        return "zh" if has_han(self.solution or self.background) else "en"

    @property
    def scope(self) -> tuple[Any, ...]:
        """Units of one scope may say the same twice; those of two scopes (two hotels) never do."""
        return self.scenarios, self.entity and normalise(self.entity)

    def aside(self, why: str, of: str | None = None) -> Self:
        """The unit set aside; the first reason stays."""
        return self if self.set_aside_why else replace(self, set_aside_why=why, duplicate_of=of)

    def row(self) -> dict[str, Any]:
        """The unit as a row of UNIT."""
        return asdict(self) | {"unit_id": self.unit_id, "language": self.language}

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        """A row of UNIT as a unit."""
        lists = {name: tuple(row[name] or ()) for name in ("scenarios", "questions", "tools")}
        return cls(**{k: v for k, v in row.items() if k not in ("unit_id", "language")} | lists)
