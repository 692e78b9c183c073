"""Documents named in a file, cut into units: Markdown, flowcharts, tables of questions and answers, snippets.

    documents:
      - {name: airline, path: policies/airline.md, format: markdown, scenarios: [airline]}
      - {name: star, path: tasks/*/*.json, leave_out: responses.json, format: flowcharts, apis: apis}
      - {name: bitext, path: faq.csv, format: answers,
         columns: {question: instruction, answer: response, scenarios: [category, intent]}}

Structured sources need no model (report section 2.2.2: units are the smallest independent facts).
"""

import difflib
import glob
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Literal

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from refinery.errors import InputError, PlanError
from refinery.knowledge import flowchart, markdown, tables
from refinery.knowledge.checks import checked
from refinery.knowledge.unit import Unit

Format = Literal["markdown", "flowcharts", "answers", "snippets"]


class Document(BaseModel):
    """One file or more of one form. `path` is a glob below the knowledge file's `root`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    """Keys of its units begin with it, so that a file may move."""
    path: str
    leave_out: str = ""
    """Names of files that are not meant: another glob, of names alone."""
    format: Format
    scenarios: tuple[str, ...] = ()
    """Tags of all its units; what the document itself says (a domain, an intent, a flowchart's name) comes beside."""
    columns: dict[Literal["question", "answer", "scenarios"], str | list[str]] = {}
    """Of `answers`: ours to the table's."""
    apis: str | None = None
    """Of `flowcharts`: the folder that describes each one's tool, by its name."""
    valid_from: date | None = None
    """The day from which it holds, where it says so."""

    @model_validator(mode="after")
    def _fits(self) -> "Document":
        if (self.format == "answers") != {"question", "answer"}.issubset(self.columns):
            raise ValueError("columns (question and answer at least) belong to documents of the format answers")
        if self.apis and self.format != "flowcharts":
            raise ValueError("apis belong to documents of the format flowcharts")
        if self.format == "markdown" and not self.scenarios:
            raise ValueError("a markdown document needs scenarios: nothing in it says what it is for")
        return self


class Knowledge(BaseModel):
    """All documents of a base."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    root: str = "."
    """Relative paths lie below it; itself relative to the knowledge file."""
    documents: tuple[Document, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _named_once(self) -> "Knowledge":
        names = [document.name for document in self.documents]
        if len(set(names)) < len(names):
            raise ValueError(f"two documents have one name: {names}")
        return self

    def units(self) -> list[Unit]:
        """All units in order, checked; raises InputError where a document is missing or not of its form."""
        return checked(unit for document in self.documents for unit in _units(document, Path(self.root)))


def load(path: Path) -> Knowledge:
    """Reads a knowledge file; raises PlanError, saying what is wrong and what is known."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        knowledge = Knowledge.model_validate(found)
    except OSError as error:
        raise PlanError(f"cannot read {path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise PlanError(f"{path} is not YAML: {str(error).replace(chr(10), ' ')}") from None
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}{_near(e['loc'][-1:])}" for e in error.errors())
        raise PlanError(f"{path}: {faults}") from None
    return knowledge.model_copy(update={"root": str(path.parent / knowledge.root)})


def _near(at: tuple[Any, ...]) -> str:
    known = [*Document.model_fields, *Knowledge.model_fields]
    close = difflib.get_close_matches(str(at[0]), known, n=1) if at else []
    return f" (known: {', '.join(known)})" if at and at[0] not in known and not close else ""


def _units(document: Document, root: Path) -> Iterator[Unit]:
    found = (Path(path) for path in sorted(glob.glob(str(root / document.path), recursive=True)))
    files = [path for path in found if not path.match(document.leave_out or "/")]
    if not files:
        raise InputError(f"document {document.name!r}: nothing lies at {root / document.path}")
    for file in files:
        name = document.name if len(files) == 1 else f"{document.name}/{file.stem}"
        for unit in _of_file(document, file, name, root):
            stated = str(document.valid_from) if document.valid_from else None
            yield Unit(**{**unit.__dict__, "valid_from": stated})


def _of_file(document: Document, file: Path, name: str, root: Path) -> Iterator[Unit]:
    text = _text(file)
    if document.format == "markdown":
        return markdown.units(name, text, document.scenarios)
    if document.format == "answers":
        return tables.answers(name, text, document.columns, document.scenarios)
    found = _json(file, text)
    if document.format == "snippets":
        return tables.snippets(name, found, document.scenarios)
    api = root / document.apis / file.name if document.apis else None
    described = _json(api, _text(api)) if api and api.is_file() else None
    return flowchart.units(name, found, described, file.stem)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file}: {type(error).__name__}; documents are UTF-8 text") from None


def _json(file: Path, text: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InputError(f"{file} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise InputError(f"{file} is no JSON object")
    return found
