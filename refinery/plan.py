"""A typed plan from YAML, checked whole before anything runs."""

import hashlib
from pathlib import Path
from typing import Any, Self, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
import pyarrow as pa
import yaml
from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, ValidationError, field_validator, model_validator

from refinery.errors import PlanError
from refinery.intake.reader import Limits
from refinery.intake.rows import ROWS
from refinery.intake.source import Source
from refinery.models.spec import AnyModel, Model
from refinery.stage import Ask, Exchange, Step
from refinery.stages import make, step_class


class Shards(BaseModel):
    """How the input is cut; fixed by the plan, never by the cluster."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    rows: int = Field(20_000, gt=0)
    """Conversations a shard, about."""
    bytes: int = Field(256 * 2**20, gt=0)
    """Arrow bytes a shard, about."""
    input_bytes: int = Field(64 * 2**20, gt=0)
    """Bytes of log that one task of the intake reads, about: small files together, JSON lines by range; what is packed
    counts eight times."""
    reducer_rows: int = Field(500_000, gt=0)
    """Narrow rows that one reducer of an exchange holds in memory, about: 350 bytes each, working space and all."""


class ConversationLimits(Limits):
    """Sizes over which a line is refused, or a conversation set aside as too_long."""

    max_turns: int = Field(2_000, gt=0)
    max_chars: int = Field(2_000_000, gt=0)


class Plan(BaseModel):
    """What to read, and the steps that each conversation walks through, in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    timezone: str = "UTC"
    """In which a conversation's day (`event_date`) is read."""
    root: str = "."
    """Relative source paths lie below it; itself relative to the plan file."""
    sources: tuple[Source, ...] = Field(min_length=1)
    limits: ConversationLimits = ConversationLimits()
    shards: Shards = Shards()
    max_fault_share: float = Field(0.01, ge=0, le=1)
    """A run in which more rows than this share broke a stage publishes nothing."""
    limit: int | None = Field(None, gt=0)
    """Records read from each source, at most; for a trial."""
    models: dict[str, AnyModel] = {}
    """Who is asked, by the word that stages use under `model`."""
    stages: tuple[SerializeAsAny[Step], ...]

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"unknown timezone {value!r}; use an IANA name such as Asia/Shanghai") from None
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        names = [s.name for s in self.sources]
        if len(set(names)) < len(names):
            raise ValueError(f"two sources have one name: {names}")
        if not self.stages or self.stages[0].name != "intake.redact":
            raise ValueError("stages must begin with intake.redact: nothing else may see unmasked text")
        if next((s.name for s in self.stages if isinstance(s, Exchange)), "") != "intake.identity":
            raise ValueError("the first exchange must be intake.identity: ids that came twice are told apart there")
        for step in self.stages:
            if isinstance(step, Ask) and step.model not in self.models:
                known = ", ".join(self.models) or "none; name one under `models`"
                raise ValueError(f"stage {step.name!r} asks the model {step.model!r}; known: {known}")
        self.schemas()
        return self

    def schemas(self) -> list[pa.Schema]:
        """The columns after each step; raises PlanError where a step reads what nothing before it writes."""
        known, after = ROWS, []
        for step in self.stages:
            if missing := sorted(step.reads() - set(known.names)):
                raise PlanError(f"stage {step.name!r} reads {missing}, which no stage before it writes")
            known = extend(known, step.adds(), step.name)
            after.append(known)
        return after

    def asked(self, step: Ask) -> Model:
        """The model that a stage asks."""
        return self.models[step.model]

    def run_id(self) -> str:
        """16 hex characters over plan and sources: the same run started again finds its own work."""
        content = self.model_dump(mode="json", exclude={"stages", "max_fault_share", "models"})
        steps = [[s.name, {k: v for k, v in s.parameters().items() if k not in s.movable}] for s in self.stages]
        # A model's address, limits and price may change; its name and sampling make another run.
        asked = {s.name: self.asked(s).identity for s in self.stages if isinstance(s, Ask)}
        whole = orjson.dumps([content, steps, asked], option=orjson.OPT_SORT_KEYS)
        return hashlib.blake2b(whole, digest_size=8).hexdigest()

    def places(self) -> list[list[str]]:
        """Name and path of each source: in a lake, a source belongs to one run."""
        return [[s.name, s.path] for s in self.sources]


def extend(schema: pa.Schema, written: pa.Schema, by: str) -> pa.Schema:
    """The schema with the columns written added; raises PlanError if one would change its type."""
    for field in written:
        if field.name not in schema.names:
            schema = schema.append(field)
        elif not schema.field(field.name).type.equals(field.type):
            raise PlanError(
                f"stage {by!r} writes {field.name!r} as {field.type}, but it is {schema.field(field.name).type}"
            )
    return schema


def load(path: Path, source: str | None = None, limit: int | None = None) -> Plan:
    """The plan in a YAML file.

    `source` replaces the path of the only source, or, where there are several, the root below which their paths lie.
    Raises PlanError, saying what, where and the known words, before anything runs.
    """
    raw = _read(path)
    base = path.resolve().parent
    try:
        stages = raw.get("stages") or ()
        if not isinstance(stages, list | tuple):
            raise PlanError("`stages` is a list of words, each with its parameters where it has any")
        raw["stages"] = tuple(_step(entry, base) for entry in stages)
        raw["sources"] = _sources(raw, base, source)
        raw["models"] = _models(raw.get("models") or {}, base)
        raw.pop("root", None)
        return Plan.model_validate(raw | ({"limit": limit} if limit else {}))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise PlanError(f"{path}: {faults}. Known keys: {', '.join(Plan.model_fields)}") from None
    except PlanError as error:
        raise PlanError(f"{path}: {error}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PlanError(f"cannot read plan {path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise PlanError(f"{path} is not YAML: {error}") from None
    if not isinstance(raw, dict):
        raise PlanError(f"{path}: a plan is a mapping with the keys {', '.join(Plan.model_fields)}")
    return raw


def _step(entry: object, base: Path) -> Step:
    if isinstance(entry, str):
        entry = {entry: {}}
    if not isinstance(entry, dict) or len(entry) != 1:
        raise PlanError("each entry under `stages` is a word, or one word with its parameters: `- quality.gate: {…}`")
    ((name, parameters),) = entry.items()
    fields = step_class(name).model_fields.items()
    paths = {k for k, field in fields if Path in (field.annotation, *get_args(field.annotation))}
    placed = {k: base / str(v) if k in paths and v is not None else v for k, v in (parameters or {}).items()}
    for key in paths & placed.keys():
        if placed[key] is not None and not placed[key].exists():
            raise PlanError(f"stage {name!r}: nothing is at {key} {placed[key]}")
    return make(name, placed)


def _models(models: object, base: Path) -> dict[str, Any]:
    """The models with their paths below the plan's folder; raises PlanError where nothing is there."""
    if not isinstance(models, dict) or not all(isinstance(m, dict) for m in models.values()):
        raise PlanError("`models` maps words to {kind: http, vllm or scripted, …}")
    placed = {word: m | ({"path": base / str(m["path"])} if "path" in m else {}) for word, m in models.items()}
    for word, model in placed.items():
        if "path" in model and not model["path"].exists():
            raise PlanError(f"model {word!r}: nothing is at path {model['path']}; `refinery models get` makes one")
    return placed


def _sources(raw: dict[str, Any], base: Path, override: str | None) -> list[dict[str, Any]]:
    sources = raw.get("sources")
    if not isinstance(sources, list) or not all(isinstance(s, dict) and "path" in s for s in sources):
        raise PlanError("`sources` is a list of {name, path, format}")
    if override and len(sources) == 1:
        return [sources[0] | {"path": _place(override, Path.cwd())}]
    root = _place(override, Path.cwd()) if override else _place(str(raw.get("root", ".")), base)
    return [s | {"path": _place(str(s["path"]), root)} for s in sources]


def _place(path: str, below: str | Path) -> str:
    """URLs stay; local paths become absolute, below the given folder or URL. One place has one spelling."""
    path = path.removeprefix("file://").rstrip("/") or "/"
    if "://" in path:
        return path
    if "://" in str(below):
        return f"{str(below).rstrip('/')}/{path}"
    return str((Path(below) / path).resolve())
