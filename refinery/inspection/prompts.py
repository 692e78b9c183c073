"""Prompt files of rules that ask a model: which steps and slots there are, checked before anything is asked."""

from pathlib import Path
from string import Template
from typing import Any, Literal

from jsonschema import Draft202012Validator, SchemaError
from pydantic import Field

from refinery.errors import RuleError
from refinery.inspection.asking import Llm, Step
from refinery.inspection.reading import Strict, read

PROMPTS = "prompts"
LANGUAGES = ("zh", "en")
Slot = Literal["text", "turns", "turn", "signals", "knowledge", "tools", "answer"]
"""What may stand in for a slot: text of the rule; all turns up to the one judged; that turn; the signals known at it;
the business knowledge in force; the tools that the source has; the answers of the step before."""


class StepFile(Strict):
    """One step: the slots that its two files hold, each once, and the JSON schema of its answer."""

    slots: list[str] = Field(min_length=1)
    answer: str


class PromptFile(Strict):
    """A prompt folder's `prompt.yaml`."""

    version: int = Field(ge=1)
    slots: dict[str, Slot]
    schemas: dict[str, dict[str, Any]]
    steps: dict[Step, StepFile]


class Prompts:
    """The prompts of a rule folder, each read once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read: dict[str, PromptFile] = {}

    def check(self, llm: Llm, where: str) -> None:
        """RuleError where the rule's steps, slots or schemas are not those of its prompt."""
        prompt = self._prompt(llm.prompt, where)
        for step in llm.steps:
            if step not in prompt.steps:
                known = ", ".join(prompt.steps)
                raise RuleError(f"{where}.steps: no step {step} in {llm.prompt}; known: {known}; correct it")
        if prompt.steps[llm.steps[-1]].answer != llm.output_schema:
            said = f"the last step answers by `{prompt.steps[llm.steps[-1]].answer}`"
            raise RuleError(f"{where}.output_schema: {said}, not `{llm.output_schema}`; correct it")

    def _prompt(self, name: str, where: str) -> PromptFile:
        if name not in self._read:
            path = self._root / name / "prompt.yaml"
            if not path.is_file():
                raise RuleError(f"{where}.prompt: no file {name}/prompt.yaml in the rules folder; add it")
            self._read[name] = _checked(read(path, f"{name}/prompt.yaml", PromptFile), self._root / name, name)
        return self._read[name]


def _checked(prompt: PromptFile, folder: Path, name: str) -> PromptFile:
    for schema, body in prompt.schemas.items():
        try:
            Draft202012Validator.check_schema(body)
        except SchemaError as error:
            raise RuleError(f"{name}/prompt.yaml: key `schemas.{schema}`: no JSON schema ({error.message})") from error
    for step, file in prompt.steps.items():
        if file.answer not in prompt.schemas:
            known = ", ".join(prompt.schemas)
            raise RuleError(f"{name}/prompt.yaml: key `steps.{step}.answer`: no schema {file.answer}; known: {known}")
        if unknown := sorted(set(file.slots) - set(prompt.slots)):
            known = ", ".join(prompt.slots)
            raise RuleError(f"{name}/prompt.yaml: key `steps.{step}.slots`: no slot {unknown[0]}; known: {known}")
        for language in LANGUAGES:
            _check_file(folder / f"{step}.{language}.md", f"{name}/{step}.{language}.md", file.slots)
    return prompt


def _check_file(path: Path, shown: str, slots: list[str]) -> None:
    if not path.is_file():
        raise RuleError(f"{shown}: missing; every step has a Chinese and an English file")
    template = Template(path.read_text("utf-8"))
    if not template.is_valid() or sorted(template.get_identifiers()) != sorted(slots):
        found = ", ".join(sorted(template.get_identifiers()))
        raise RuleError(f"{shown}: holds the slots {found or 'none'}, needs {', '.join(sorted(slots))}; correct it")
