"""Texts to vectors: the protocol, a local sentence-transformers folder, and a scripted one without any model."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from refinery.errors import ModelError
from refinery.models.spec import folder_hash

Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Texts to vectors of length one; pickles to workers and loads what is heavy on first use."""

    @property
    def name(self) -> str:
        """From which equal embedders are told: thresholds hold for one embedder, so its name stands on the row."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row a text, of length one (of zeros for a text of nothing). Raises ModelError where it cannot load."""


@dataclass(frozen=True)
class SentenceTransformer:
    """A local folder as sentence-transformers saves one; needs refinery[embed]."""

    folder: Path
    batch_size: int = 64

    @property
    def name(self) -> str:
        """The folder's name and a hash of what it holds."""
        return f"{self.folder.name}@{folder_hash(self.folder)}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row a text."""
        model = _loaded(self.folder)
        found = model.encode(
            list(texts), batch_size=self.batch_size, normalize_embeddings=True, show_progress_bar=False
        )
        return np.asarray(found, np.float32).reshape(len(texts), -1)


@cache
def _loaded(folder: Path) -> Any:  # noqa: ANN401 (sentence_transformers.SentenceTransformer)
    try:
        import sentence_transformers
    except ImportError:
        raise ModelError("an embedder folder needs sentence-transformers: install refinery[embed]") from None
    if not folder.is_dir():
        raise ModelError(f"no embedder folder {folder}; it is a local folder, nothing is fetched by name")
    return sentence_transformers.SentenceTransformer(str(folder), local_files_only=True)


@dataclass(frozen=True)
class HashEmbedder:
    """Counts of hashed character n-grams: texts of like wording lie near each other. For tests; it knows no meaning."""

    dimensions: int = 256

    @property
    def name(self) -> str:
        """With its dimensions."""
        return f"hash-{self.dimensions}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row a text."""
        found = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in zip(found, texts, strict=True):
            for size in (1, 2, 3):
                for i in range(len(text) - size + 1):
                    place = zlib.crc32(text[i : i + size].encode())
                    row[place % self.dimensions] += 1 if place >> 31 else -1
        norms = np.linalg.norm(found, axis=1, keepdims=True)
        np.divide(found, norms, out=found, where=norms > 0)
        return found
