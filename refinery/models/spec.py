"""How a plan names its models; checked whole before anything runs, and free of secrets.

models:
  judge: {kind: http, url: https://models.example/v1, name: a-strong-model, api_key_env: JUDGE_API_KEY}
  small: {kind: vllm, path: models/smollm2}
"""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import orjson
from pydantic import BaseModel, ConfigDict, Field, field_validator

_OURS: Final = frozenset(
    {"model", "messages", "response_format", "structured_outputs", "stream", "n", "max_tokens", "temperature"}
)
_BLOCK: Final = 64 * 1024
_BLOCKS: Final = 64
_WHOLE: Final = _BLOCK * _BLOCKS


class Price(BaseModel):
    """What a million tokens cost."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    prompt: float = Field(ge=0)
    completion: float = Field(ge=0)
    currency: str = Field(pattern=r"^[A-Z]{3}$")


class Model(BaseModel):
    """What all kinds share. Name and sampling make the identity under which answers are kept; the rest may change."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    temperature: float = Field(0.0, ge=0)
    max_tokens: int = Field(1_024, gt=0)
    sampling: dict[str, int | float | str | bool | list[str]] = {}
    """Further sampling parameters, in the engine's own words: top_p, stop, seed."""
    price: Price | None = None

    @field_validator("sampling")
    @classmethod
    def _not_ours(cls, sampling: dict[str, Any]) -> dict[str, Any]:
        if taken := sorted(_OURS & sampling.keys()):
            raise ValueError(f"{taken} do not go under `sampling`: temperature and max_tokens have keys of their own")
        return sampling

    def known_as(self) -> str:
        """The model's name, from which equal models are told."""
        raise NotImplementedError

    def parameters(self) -> dict[str, Any]:
        """What shapes an answer."""
        return {"temperature": self.temperature, "max_tokens": self.max_tokens, **self.sampling}

    @cached_property
    def identity(self) -> str:
        """Name and parameters as JSON: the model's part of every request's key."""
        return orjson.dumps([self.known_as(), self.parameters()], option=orjson.OPT_SORT_KEYS).decode()


class HttpModel(Model):
    """Any endpoint that speaks OpenAI's chat completions."""

    kind: Literal["http"]
    url: str
    """Up to and with the version: https://host/v1."""
    name: str = Field(min_length=1)
    """As the endpoint knows the model; a model that is exchanged behind its name must be renamed here."""
    api_key_env: str | None = Field(None, pattern=r"^[A-Z_][A-Z0-9_]*$")
    """The environment variable that holds the key; the key itself is read when asking, and kept nowhere."""
    schema_sent: bool = True
    """Whether the endpoint takes `response_format: json_schema`; answers are held against the schema either way."""
    max_in_flight: int = Field(32, gt=0)
    timeout_seconds: float = Field(120.0, gt=0)
    """For one attempt, from first byte sent to last byte read."""
    max_tries: int = Field(5, gt=0)
    max_wait_seconds: float = Field(60.0, gt=0)
    """Between two attempts, at most; an endpoint that asks for longer has failed."""
    max_outage_seconds: float = Field(600.0, ge=0)
    """How long nobody may answer before the run stops; it goes on where it was when it is started again."""
    requests_a_minute: int | None = Field(None, gt=0)
    tokens_a_minute: int | None = Field(None, gt=0)

    @field_validator("url")
    @classmethod
    def _plain(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("url is http(s)://host[:port]/v1")
        if parts.username or parts.password or parts.query:
            raise ValueError("a url in a plan holds no key; name its environment variable under api_key_env")
        return url.rstrip("/")

    def known_as(self) -> str:
        """The name that the endpoint knows."""
        return self.name


class VllmModel(Model):
    """vLLM engines as actors of Ray Data, on GPUs or, slowly, on CPUs."""

    kind: Literal["vllm"]
    path: Path
    """A local folder as transformers saves one; the same on every node."""
    gpus: int = Field(0, ge=0)
    """Of one engine (its tensor parallel size); 0: on CPUs."""
    engines: int = Field(1, gt=0)
    batch_size: int = Field(16, gt=0)
    batches_in_flight: int = Field(32, gt=0)
    """Many small batches keep an engine full; one at a time leaves it waiting for its slowest answer."""
    schema_sent: bool = True
    """Whether the engine is bound to the schema; answers are held against it either way."""
    engine: dict[str, int | float | str | bool] = {}
    """Further engine arguments in vLLM's own words: max_model_len, dtype."""

    def known_as(self) -> str:
        """The folder's name and a hash of what it holds."""
        return f"{self.path.name}@{folder_hash(self.path)}"


class ScriptedModel(Model):
    """Answers written beforehand, for rehearsals: see models.script."""

    kind: Literal["scripted"]
    path: Path
    """A YAML list of {prompt?, contains?, vote?, answer}; the first that fits answers."""

    def known_as(self) -> str:
        """The file's name and a hash of it."""
        return f"{self.path.name}@{hashlib.blake2b(self.path.read_bytes(), digest_size=8).hexdigest()}"


AnyModel = Annotated[HttpModel | VllmModel | ScriptedModel, Field(discriminator="kind")]


def folder_hash(folder: Path) -> str:
    """16 hex characters over names and sizes of all files, and 64 stretches of 64 KiB spread over each.

    Weights of hundreds of gigabytes are told apart in seconds; small files are read whole.
    """
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".")):
        size = path.stat().st_size
        digest.update(orjson.dumps([path.relative_to(folder).as_posix(), size]))
        with path.open("rb") as file:
            starts = range(0, size, _BLOCK) if size <= _WHOLE else (i * (size - _BLOCK) // 63 for i in range(_BLOCKS))
            for start in starts:
                file.seek(start)
                digest.update(file.read(_BLOCK))
    return digest.hexdigest()
