"""A trained head: templates that were seen with their policies, and a calibrated linear model over hashed features.

    head = Head.load(Path("rules/policies_head.npz"))
    head.recognise(pa.array(["Which day suits you?", "[PHONE_1]"])) -> policies {ask_time} from the head; none

A file is a plain .npz of arrays (no pickle): what may be loaded from it are numbers and names, checked on loading.
"""

import io
import zipfile
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refinery.errors import RuleError
from refinery.inspection.recognition.scoring import Floats, Weights, score
from refinery.models.embedding import Embedder
from refinery.text.facts import Words
from refinery.text.features import SLOTS, Scratch, Slots, Tables, Texts

Bools = npt.NDArray[np.bool_]
UNKNOWN: Final = np.float32(-30.0)
"""The score of a text without any feature; its probability is nil."""
HEAD, TEMPLATE, ABSTAINED = 2, 1, 0
"""How a text was recognised."""
_KINDS: Final = {
    "names": "U",
    "embedder": "U",
    "slots": "u",
    "weights": "i",
    "templates": "u",
    "template_policies": "b",
}


class Recognised(NamedTuple):
    """By text: `shown` (texts, policies), and `how`: ABSTAINED, TEMPLATE or HEAD."""

    shown: Bools
    how: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Head:
    """The arrays of a head file; P policies, F features, T templates."""

    names: npt.NDArray[np.str_]
    """(P) policies, in alphabetical order."""
    slots: Slots
    """(F) hashes of the features, ascending."""
    idf: Floats
    """(F) inverse document frequency of each."""
    weights: npt.NDArray[np.int8]
    """(F, P) in units of `step`."""
    step: Floats
    """(P)"""
    bias: Floats
    """(P)"""
    slope: Floats
    """(P) probability = 1 / (1 + exp(-(slope * score + offset)))"""
    offset: Floats
    """(P)"""
    embedder: npt.NDArray[np.str_]
    """() the name of the embedder that it was trained with; empty without one."""
    centre: Floats
    """(D) the mean vector, taken off each."""
    directions: Floats
    """(D, P) what each policy's score gains along a vector of length one; no rows without an embedder."""
    templates: Words
    """(T) ascending."""
    template_policies: Bools
    """(T, P)"""

    def check(self, embedder: str | None) -> None:
        """RuleError where the embedder of this name is not the one that the head was trained with."""
        wanted = str(self.embedder) or None
        if wanted != embedder:
            raise RuleError(
                f"the head was trained with embedder {wanted}, not {embedder}; name that one or train again"
            )

    def recognise(self, texts: pa.Array, min_probability: float, embedder: Embedder | None = None) -> Recognised:
        """What each text shows: a known template what it was seen with, any other what is likely enough."""
        scores, seen = self.scores(texts)
        if embedder is not None:
            scores = scores + self.along(embedder.embed(texts.to_pylist()))
        shown = self.probabilities(scores) >= min_probability
        how = np.where(shown.any(1), HEAD, ABSTAINED).astype(np.uint8)
        if len(self.templates):
            place = np.minimum(np.searchsorted(self.templates, seen), len(self.templates) - 1)
            known = self.templates[place] == seen
            shown[known], how[known] = self.template_policies[place[known]], TEMPLATE
        return Recognised(shown, how)

    def scores(self, texts: pa.Array) -> tuple[Floats, Words]:
        """Scores (texts, policies), not calibrated, and templates."""
        found = Texts.of(texts)
        scores = np.full((len(texts), len(self.names)), UNKNOWN, np.float32)
        templates = np.zeros(len(texts), np.uint64)
        score(found.offsets, found.data, Tables.shared(), Scratch.of(found.longest), self._compiled, scores, templates)
        return scores, templates

    def along(self, vectors: Floats) -> Floats:
        """What the scores gain by the vectors (texts, D) of the texts."""
        return np.asarray(centred(vectors, self.centre) @ self.directions, np.float32)

    def probabilities(self, scores: Floats) -> Floats:
        """Calibrated: of texts with 0.8 for a policy about 80 % show it, if they are like those of the training."""
        return np.asarray(1 / (1 + np.exp(-np.maximum(self.slope * scores + self.offset, UNKNOWN))), np.float32)

    @cached_property
    def _compiled(self) -> Weights:
        row = np.full(SLOTS, len(self.slots), np.int32)
        row[self.slots] = np.arange(len(self.slots), dtype=np.int32)
        weights = np.zeros((len(self.slots) + 1, len(self.names)), np.float32)
        weights[:-1] = self.weights * self.step * self.idf[:, None]
        idf = np.append(self.idf, self.idf.max(initial=1))
        return Weights(row, weights, idf * idf, self.bias)

    def save(self, path: Path) -> None:
        """Write the file; equal heads make equal bytes."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
            for field in fields(self):
                data = io.BytesIO()
                np.save(data, getattr(self, field.name), allow_pickle=False)
                file.writestr(zipfile.ZipInfo(f"{field.name}.npy"), data.getvalue(), zipfile.ZIP_DEFLATED)

    @classmethod
    def load(cls, path: Path) -> "Head":
        """Read and check the file; RuleError says what is wrong with it."""
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {field.name: file[field.name] for field in fields(cls)}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise RuleError(
                f"{path.name}: no head of `refinery policies train` ({type(error).__name__}); train it again"
            ) from error
        if (wrong := _fault(arrays)) is not None:
            raise RuleError(
                f"{path.name}: array `{wrong}` is not as `refinery policies train` writes it; train it again"
            )
        return cls(**arrays)


def centred(vectors: Floats, centre: Floats) -> Floats:
    """Vectors without what all share, of length one."""
    found = vectors - centre
    length = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(np.divide(found, length, out=np.zeros_like(found), where=length > 0), np.float32)


def _fault(arrays: dict[str, Any]) -> str | None:
    """The first array whose kind, shape or values do not fit the others."""
    num, rows, templates = (len(np.atleast_1d(arrays[key])) for key in ("names", "slots", "templates"))
    shapes = {"slots": (rows,), "idf": (rows,), "weights": (rows, num), "templates": (templates,)}
    shapes |= {"template_policies": (templates, num), "embedder": ()}
    shapes |= {"centre": arrays["centre"].shape[:1], "directions": (*arrays["centre"].shape[:1], num)}
    for name, array in arrays.items():
        if array.dtype.kind != _KINDS.get(name, "f") or array.shape != shapes.get(name, (num,)):
            return name
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            return name
    ascending = all(np.all(arrays[key][1:] > arrays[key][:-1]) for key in ("names", "slots", "templates"))
    return None if ascending and num and (not rows or arrays["slots"][-1] < SLOTS) else "slots"
