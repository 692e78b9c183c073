"""The second asking of a question whose answer was no JSON or broke its schema, with the fault named."""

from pathlib import Path
from typing import Final

from refinery.models.prompt import fence, load
from refinery.stage import Request

_PROMPT: Final = Path(__file__).parent / "prompts" / "repair_v1"
_MAX_CHARS: Final = 4_000
"""Of the bad answer, shown again: one that runs on without end must not fill the model's window."""


def repair(request: Request, answer: str, fault: str) -> Request:
    """The same conversation, the bad answer as a JSON string (it is text of a model, not ours), and the fault."""
    language = "zh" if request.prompt.endswith("/zh") else "en"
    more = load(_PROMPT)[language].messages(fault=fault)
    said = {"role": "assistant", "content": fence(answer[:_MAX_CHARS])}
    return request._replace(messages=(*request.messages, said, *more), prompt=f"{request.prompt}+{_PROMPT.name}")
