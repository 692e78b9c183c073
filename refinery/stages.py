"""The word that a plan uses for a step -> where its class is; imported on use, so that help answers at once."""

import difflib
from functools import cache
from importlib import import_module
from typing import Any, Final, cast

from pydantic import ValidationError

from refinery.errors import PlanError
from refinery.stage import Step

STAGES: Final = {
    "intake.redact": "refinery.intake.redact:Redact",
    "intake.identity": "refinery.intake.identity:Identity",
    "quality.heuristics": "refinery.quality.heuristics:Heuristics",
    "quality.gate": "refinery.quality.gate:Gate",
    "quality.judge": "refinery.quality.judge:Judge",
    "dedup.exact": "refinery.dedup.exact:ExactDuplicates",
    "dedup.near": "refinery.dedup.near:NearDuplicates",
    "dedup.replies": "refinery.dedup.replies:NearReplies",
    "inspection.policies": "refinery.inspection.policies:Policies",
    "dedup.semantic": "refinery.dedup.semantic:SemanticDuplicates",
    "inspection.online": "refinery.inspection.online:Online",
    "knowledge.retrieval": "refinery.knowledge.retrieval:Retrieval",
    "routing.srt": "refinery.routing.srt:SelfRefinement",
    "routing.rows": "refinery.routing.rows:Rows",
}


@cache
def step_class(name: str) -> type[Step]:
    """The class of a step; raises PlanError with the nearest known word."""
    if name not in STAGES:
        near = difflib.get_close_matches(name, STAGES, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise PlanError(f"unknown stage {name!r}; {hint}known: {', '.join(STAGES)}")
    module, _, attribute = STAGES[name].partition(":")
    return cast(type[Step], getattr(import_module(module), attribute))


def make(name: str, parameters: dict[str, Any]) -> Step:
    """A step from its word and parameters; raises PlanError naming the parameter that is wrong and those known."""
    cls = step_class(name)
    try:
        return cls.model_validate(parameters)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'parameters'}: {e['msg']}" for e in error.errors())
        known = ", ".join(cls.model_fields) or "none"
        raise PlanError(f"stage {name!r}: {faults}. Known parameters: {known}") from None
