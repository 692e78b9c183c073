"""What a rule asks a model: which prompt, in which steps, with how many votes. No model is asked here."""

from typing import Literal

from pydantic import Field

from refinery.inspection.reading import Strict

Step = Literal["evidence", "rule_check", "adjudication"]


class Llm(Strict):
    """The questions of a rule that runs offline."""

    prompt: str
    """A folder below the rules: `prompt.yaml` and, for each step, `STEP.zh.md` and `STEP.en.md`."""
    steps: list[Step] = Field(min_length=1)
    votes: int = Field(default=1, ge=1, le=9)
    """How often the last step is asked; most votes decide, a tie is undecided."""
    asks: dict[Literal["zh", "en"], str] = Field(min_length=2)
    """What is to be decided of the turn, as the prompt puts it to the model; put so that yes is a fault."""
    output_schema: str = "verdict"
    """The name, in `prompt.yaml`, of the answer's JSON schema."""
