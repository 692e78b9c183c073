"""Trains a head: one logistic regression a policy over hashed features, calibrated on folds that it did not see.

Needs refinery[train]. Equal examples give equal heads on one machine: nothing is drawn by chance.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refinery.errors import RuleError
from refinery.inspection.recognition.head import Bools, Head, centred
from refinery.inspection.recognition.labelled import Labelled
from refinery.inspection.recognition.scoring import Floats
from refinery.models.embedding import Embedder
from refinery.text.features import SLOTS, Slots, Texts, features

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
STRENGTH: Final = 10.0
"""Inverse of the regularisation: of 3, 10 and 30 the best on phrases held out and on STAR alike."""
FOLDS: Final = 5
MAX_FEATURES: Final = 24_000
"""Kept by largest weight, so that a head stays far below a megabyte."""
LIMIT: Final = 150
"""Texts of one set of policies together weigh no more than so many, so that a set with slots to fill does not drown
the others (STAR: 2,437 texts of provide_information, 5 of verify_identity)."""


class Seen(NamedTuple):
    """What all regressions are fitted on: n examples, their features from `ends[i]` to `ends[i + 1]` in `slots`."""

    names: list[str]
    shown: Bools
    """(n, P)"""
    weight: Doubles
    slots: Slots
    ends: Ints
    vectors: Floats
    """(n, D); D is 0 without an embedder."""


def train(phrases: Sequence[Labelled], labelled: Sequence[Labelled] = (), embedder: Embedder | None = None) -> Head:
    """A head from phrases of ours and from turns with labels; the templates of the latter are kept as they are."""
    turns = _agreed(labelled)
    examples = [*phrases, *(one for _, one in turns)]
    names = sorted({policy for one in examples for policy in one.policies})
    if not names:
        raise RuleError("no example shows a policy: there is nothing to train on; give phrases or labelled turns")
    texts = pa.array([one.text for one in examples], pa.string())
    slots, ends, templates = features(Texts.of(texts))
    shown = _matrix(examples, names)
    vectors = embedder.embed(texts.to_pylist()) if embedder else np.zeros((len(texts), 0), np.float32)
    seen = Seen(names, shown, _balanced(shown), slots, ends, vectors)
    fold = (templates >> np.uint64(7)) % np.uint64(FOLDS)  # by template: no fold has seen the templates of another
    scores = np.empty(shown.shape, np.float32)
    for number in range(FOLDS):
        out = fold == number
        if out.any():
            head = _fit(seen, ~out)
            scores[out] = head.scores(texts.filter(pa.array(out)))[0] + head.along(vectors[out])
    head = _calibrated(_fit(seen, np.ones(len(texts), np.bool_)), scores, seen)
    order = np.argsort(np.array([template for template, _ in turns], np.uint64))
    return replace(
        head,
        embedder=np.array(embedder.name if embedder else ""),
        templates=np.array([turns[i][0] for i in order], np.uint64),
        template_policies=_matrix([turns[i][1] for i in order], names),
    )


def _agreed(labelled: Sequence[Labelled]) -> list[tuple[int, Labelled]]:
    """One text a template, by template, where all texts of the template agree on what it shows."""
    _, ends, templates = features(Texts.of(pa.array([one.text for one in labelled], pa.string())))
    found: dict[int, Labelled | None] = {}
    for template, size, one in zip(templates.tolist(), np.diff(ends), labelled, strict=True):
        if size:
            first = found.setdefault(template, one)
            if first is not None and first.policies != one.policies:
                found[template] = None
    return [(template, one) for template, one in found.items() if one is not None]


def _matrix(examples: Sequence[Labelled], names: list[str]) -> Bools:
    return np.array([[name in one.policies for name in names] for one in examples], np.bool_).reshape(-1, len(names))


def _balanced(shown: Bools) -> Doubles:
    _, which, num = np.unique(shown, axis=0, return_inverse=True, return_counts=True)
    return np.minimum(1.0, LIMIT / num)[which.ravel()]


def _fit(seen: Seen, kept: Bools) -> Head:
    """The regressions over the examples that are kept; not calibrated yet."""
    matrix, known, idf = _scaled(seen, kept)
    weights, bias = _regressions(matrix, seen, kept)
    centre = seen.vectors[kept].mean(axis=0) if len(seen.vectors[0]) else np.zeros(0, np.float32)
    directions, base = np.zeros((len(centre), len(seen.names))), np.zeros(len(seen.names))
    if len(centre):
        directions, base = _regressions(centred(seen.vectors, centre)[kept], seen, kept)
    head = _packed(seen.names, known, idf, weights, bias + base)
    return replace(head, centre=centre.astype(np.float32), directions=directions.astype(np.float32))


def _scaled(seen: Seen, kept: Bools) -> tuple[Any, Ints, Doubles]:
    """The examples kept as a sparse matrix with rows of length one; the slots of its columns and their idf."""
    _, sparse = _libraries()
    row = np.repeat(np.arange(len(kept)), np.diff(seen.ends))
    num = np.bincount(seen.slots[kept[row]], minlength=SLOTS)
    idf = np.log((1 + kept.sum()) / (1 + num)) + 1
    matrix = sparse.csr_matrix((idf[seen.slots], seen.slots.astype(np.int32), seen.ends), shape=(len(kept), SLOTS))
    known = np.flatnonzero(num)
    matrix = matrix[kept][:, known]
    length = np.sqrt(np.asarray(matrix.power(2).sum(axis=1)).ravel())
    return sparse.diags(1 / np.maximum(length, 1e-9)) @ matrix, known, idf[known]


def _regressions(matrix: Any, seen: Seen, kept: Bools) -> tuple[Doubles, Doubles]:  # noqa: ANN401 (sparse or dense)
    """(columns, P) weights, (P) intercepts; a policy that all or none of the examples show is never scored high."""
    linear, _ = _libraries()
    weights, bias = np.zeros((matrix.shape[1], len(seen.names))), np.full(len(seen.names), -10.0)
    for policy in range(len(seen.names)):
        target = seen.shown[kept, policy]
        if target.any() and not target.all():
            model = linear.LogisticRegression(C=STRENGTH, solver="liblinear", random_state=0)
            model.fit(matrix, target, sample_weight=seen.weight[kept])
            weights[:, policy], bias[policy] = model.coef_[0], model.intercept_[0]
    return weights, bias


def _packed(names: list[str], known: Ints, idf: Doubles, weights: Doubles, bias: Doubles) -> Head:
    """In the units of the file, with the strongest features."""
    strongest = np.sort(np.argsort(-np.abs(weights * idf[:, None]).max(axis=1), kind="stable")[:MAX_FEATURES])
    known, idf, weights = known[strongest], idf[strongest], weights[strongest]
    step = np.maximum(np.abs(weights).max(axis=0, initial=0), 1e-9) / 127
    ones = np.ones(len(names), np.float32)
    return Head(
        names=np.array(names),
        slots=known.astype(np.uint32),
        idf=(np.round(idf * 64) / 64).astype(np.float32),
        weights=np.round(weights / step).astype(np.int8),
        step=step.astype(np.float32),
        bias=bias.astype(np.float32),
        slope=ones,
        offset=0 * ones,
        embedder=np.array(""),
        centre=np.zeros(0, np.float32),
        directions=np.zeros((0, len(names)), np.float32),
        templates=np.zeros(0, np.uint64),
        template_policies=np.zeros((0, len(names)), np.bool_),
    )


def _calibrated(head: Head, scores: Floats, seen: Seen) -> Head:
    """With the slope and offset of each policy that the scores of unseen folds give."""
    linear, _ = _libraries()
    slope, offset = head.slope.copy(), head.offset.copy()
    for policy in range(len(head.names)):
        target = seen.shown[:, policy]
        if target.any() and not target.all():
            model = linear.LogisticRegression(C=1e3)
            model.fit(np.maximum(scores[:, [policy]], -8), target, sample_weight=seen.weight)
            slope[policy], offset[policy] = model.coef_[0, 0], model.intercept_[0]
    return replace(head, slope=slope, offset=offset)


def _libraries() -> tuple[Any, Any]:
    try:
        import scipy.sparse
        import sklearn.linear_model
    except ImportError:
        raise RuleError("training needs scikit-learn: install refinery[train]") from None
    return sklearn.linear_model, scipy.sparse
