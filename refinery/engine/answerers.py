"""The clients of the models that a plan names; each is imported when it is first needed."""

from refinery.models.chat import Answerer
from refinery.models.spec import HttpModel, Model, ScriptedModel, VllmModel


def answerer(model: Model) -> Answerer:
    """Whoever answers for the model."""
    match model:
        case HttpModel():
            from refinery.models.http import Http

            return Http(model)
        case VllmModel():
            from refinery.models.vllm import Vllm

            return Vllm(model)
        case ScriptedModel():
            from refinery.models.script import scripted

            return scripted(model.path)
        case _:
            raise TypeError(f"no client for {type(model).__name__}")
