"""vLLM engines as actors of one Ray Data job, on GPUs or CPUs, through ray.data.llm.

Workers read the requests, so that no prompt passes through this process; answers come back as they are done. A request
that the engine refuses (too long for the model, say) has failed; an engine that dies takes its actor with it, is
started again a few times, and then the run stops and says so.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

import orjson

from refinery.errors import ModelError, PlanError
from refinery.models.chat import Part, Reply
from refinery.models.spec import VllmModel

_MAX_RESTARTS: Final = 2
"""Of one engine; ray.data.llm's own default is for ever."""
_CPU: Final = 0.5
"""Cores that an engine on CPUs books: with a whole one each on two cores nothing is left to read with, and it hangs."""
_ENVIRONMENT: Final = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}


@dataclass(frozen=True)
class Vllm:
    """The engines of one model; started when first asked, stopped when all is answered."""

    model: VllmModel

    def __post_init__(self) -> None:
        """Raises PlanError where vLLM is not installed."""
        for name in ("vllm", "transformers"):
            if find_spec(name) is None:
                raise PlanError(f"a model of kind vllm needs the package {name}: install refinery[llm-cpu] or ray[llm]")

    def answer(self, parts: Sequence[Part]) -> Iterator[tuple[str, Reply]]:
        """One reply a key, as they come; see models.chat.Answerer."""
        import ray
        from ray.exceptions import RayError

        _start()
        held = ray.put(list(parts))
        source = ray.data.from_items([{"part": i} for i in range(len(parts))], override_num_blocks=len(parts))
        rows = source.flat_map(lambda row: _rows(ray.get(held)[row["part"]]), num_cpus=0.1)
        try:
            for row in self._processor()(rows).iter_rows():
                yield row["key"], _reply(row, self.model.max_tokens)
        except RayError as error:
            raise ModelError(
                f"the vLLM engine of {self.model.path.name} died or did not start ({type(error).__name__}), "
                f"{_MAX_RESTARTS} restarts included; Ray's own logs say why. What was answered is kept"
            ) from error

    def _processor(self) -> Any:  # noqa: ANN401 (ray.data.llm's Processor)
        from ray.data.llm import build_processor, vLLMEngineProcessorConfig

        model, light = self.model, {"enabled": True, "num_cpus": 0.1}
        engine: dict[str, Any] = {"disable_log_stats": True, **model.engine}
        bundle: dict[str, float] = {"CPU": _CPU}
        if model.gpus:
            engine["tensor_parallel_size"] = model.gpus
            bundle = {"CPU": 1, "GPU": 1}
        else:
            engine["distributed_executor_backend"] = "uni"
        config = vLLMEngineProcessorConfig(
            model_source=str(model.path),
            engine_kwargs=engine,
            concurrency=(model.engines, model.engines),
            batch_size=model.batch_size,
            max_concurrent_batches=model.batches_in_flight,
            should_continue_on_error=True,
            log_engine_metrics=False,
            placement_group_config={"bundle_per_worker": bundle},
            runtime_env={"env_vars": _environment()},
            chat_template_stage=light,
            tokenize_stage=light,
            detokenize_stage=light,
        )
        sampling = {"temperature": model.temperature, "max_tokens": model.max_tokens, **model.sampling}
        processor = build_processor(
            config,
            preprocess=lambda row: _asked(row, sampling, model.schema_sent),
            postprocess=_answered,
            preprocess_map_kwargs={"num_cpus": 0.1},
            postprocess_map_kwargs={"num_cpus": 0.1},
        )
        processor.get_stage_by_name("vLLMEngineStage").map_batches_kwargs["max_restarts"] = _MAX_RESTARTS
        return processor


def _start() -> None:
    """Ray as ClusterExecutor starts it, where no executor did; no bars, and a fault is raised and not passed over."""
    import ray

    if not ray.is_initialized():
        own = not os.environ.get("RAY_ADDRESS")
        ray.init(log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False if own else None)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.max_errored_blocks = 0
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _environment() -> dict[str, str]:
    """Nothing is fetched and nothing reported; vLLM's own settings go along."""
    return _ENVIRONMENT | {name: value for name, value in os.environ.items() if name.startswith("VLLM_")}


def _rows(part: Part) -> list[dict[str, Any]]:
    """The schema as text: Arrow would unify the objects of several requests and leak keys from one into another."""
    return [
        {"key": key, "messages": list(request.messages), "schema": orjson.dumps(request.answer_schema).decode()}
        for key, request in part()
    ]


def _asked(row: dict[str, Any], sampling: dict[str, Any], bound: bool) -> dict[str, Any]:
    """An empty schema binds too, to any JSON; only a model whose schema is not sent writes freely."""
    binding = {"structured_outputs": {"json": row["schema"]}} if bound else {}
    return {"key": row["key"], "messages": row["messages"], "sampling_params": sampling | binding}


def _answered(row: dict[str, Any]) -> dict[str, Any]:
    names = ("key", "generated_text", "num_input_tokens", "num_generated_tokens", "time_taken_llm")
    return {name: row[name] for name in names}


def _reply(row: dict[str, Any], max_tokens: int) -> Reply:
    if row.get("__inference_error__"):
        return Reply(None, "refused_by_engine")
    made = int(row["num_generated_tokens"])
    finish = "length" if made >= max_tokens else "stop"
    return Reply(row["generated_text"], "", finish, int(row["num_input_tokens"]), made, float(row["time_taken_llm"]))
