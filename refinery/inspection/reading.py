"""Reads a rule-repository file strictly: safe YAML, no key twice, no key unknown, errors a rule author can act on."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from refinery.errors import RuleError


class Strict(BaseModel):
    """Base of every model read from a rule file: frozen, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


Model = TypeVar("Model", bound=Strict)
Place = tuple[int | str, ...]


class _Loader(yaml.CSafeLoader):
    """Safe YAML in which a key may stand once and only true and false are booleans (so `enforce: off` is a word)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise yaml.YAMLError(f"key `{twice[0]}` stands twice (line {node.start_mark.line + 1}); keep one of them")
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:bool" or (first or "").lower() in "tf"
    ]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(path: Path, shown: str, model: type[Model]) -> Model:
    """The file as `model`; RuleError names the file as `shown`, the key, the known words and what to do."""
    try:
        loader = _Loader(path.read_text(encoding="utf-8"))
        try:
            data = loader.get_single_data()
        finally:
            loader.dispose()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RuleError(f"{shown}: cannot be read: {' '.join(str(error).split())}") from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise RuleError("\n".join(_sentence(shown, model, item) for item in _gravest(error))) from error


def _gravest(error: ValidationError) -> list[ErrorDetails]:
    """One error a place: a value that may be of two kinds fails as both, and the deepest says most."""
    deepest: dict[Place, ErrorDetails] = {}
    for item in error.errors(include_url=False):
        place = tuple(part for part in item["loc"] if _is_key(part))
        head = place[:3]
        if head not in deepest or len(place) > len(deepest[head]["loc"]):
            deepest[head] = {**item, "loc": place}
    return list(deepest.values())


def _is_key(part: int | str) -> bool:
    """False for the tags that pydantic puts into a place for a member of a union."""
    tags = {"str", "int", "float", "bool", "list[str]", "dict[str,any]", "list[dict[str,any]]"}
    return isinstance(part, int) or part not in tags | {kind.__name__ for kind in Strict.__subclasses__()}


def _sentence(shown: str, model: type[BaseModel], item: ErrorDetails) -> str:
    place = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        known = ", ".join(_keys(model, item["loc"][:-1]))
        return f"{shown}: unknown key `{place}`; known here: {known}; correct or remove it"
    if item["type"] == "missing":
        return f"{shown}: key `{place}` is missing; add it"
    said = item["msg"].removeprefix("Value error, ")
    return f"{shown}: {f'key `{place}`: ' if place else ''}{said}"


def _keys(model: type[BaseModel], place: Place) -> list[str]:
    """Keys known at a place: follow the fields as far as they are models, through lists, maps and unions."""
    models = [model]
    for part in place:
        fields = [kind.model_fields for kind in models]
        kinds = [f.annotation for known in fields for n, f in known.items() if part in (n, f.alias)]
        models = [found for kind in kinds for found in _models(kind)] or models
    return sorted({field.alias or name for kind in models for name, field in kind.model_fields.items()})


def _models(kind: object) -> list[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [found for part in getattr(kind, "__args__", ()) for found in _models(part)]
