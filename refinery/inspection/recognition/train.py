"""Trains a head: one logistic regression a policy over hashed features, calibrated on folds that it did not see.

Needs refinery[train]. Equal examples give equal heads on one machine: nothing is drawn by chance.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refinery.errors import RuleError
from refinery.inspection.recognition.head import Bools, Head
from refinery.inspection.recognition.labelled import Labelled
from refinery.inspection.recognition.scoring import Floats
from refinery.text.facts import Words
from refinery.text.features import SLOTS, Texts, features

Doubles = npt.NDArray[np.float64]
STRENGTH: Final = 10.0
"""Inverse of the regularisation: of 3, 10 and 30 the best on phrases held out and on STAR alike."""
FOLDS: Final = 5
MAX_FEATURES: Final = 24_000
"""Kept by largest weight, so that a head stays far below a megabyte."""
PRECISION: Final = 0.9
"""Of what a threshold lets through in the folds, at least so much is right."""
MIN_THRESHOLD: Final = 0.5
MIN_SHOWN: Final = 8
"""With fewer texts above a threshold its precision is not known."""
NEVER: Final = 2.0
LIMIT: Final = 150
"""Texts of one set of policies together weigh no more than so many, so that a set with slots to fill does not drown
the others (STAR: 2,437 texts of provide_information, 5 of verify_identity)."""


def train(phrases: Sequence[Labelled], labelled: Sequence[Labelled] = ()) -> Head:
    """A head from phrases of ours and from turns with labels; the templates of the latter are kept as they are."""
    turns = _agreed(labelled)
    examples = [*phrases, *(one for _, one in turns)]
    names = sorted({policy for one in examples for policy in one.policies})
    if not names:
        raise RuleError("no example shows a policy: there is nothing to train on; give phrases or labelled turns")
    shown = _matrix(examples, names)
    texts = pa.array([one.text for one in examples], pa.string())
    slots, ends, templates = features(Texts.of(texts))
    weight = _balanced(shown)
    folds = (templates >> np.uint64(7)) % np.uint64(FOLDS)
    scores = np.empty((len(examples), len(names)), np.float32)
    for fold in range(FOLDS):
        out = folds == fold
        if out.any():
            head = _fit(slots, ends, shown, weight, ~out, names)
            scores[out] = head.scores(texts.filter(pa.array(out)))[0]
    head = _fit(slots, ends, shown, weight, np.ones(len(examples), np.bool_), names)
    head = _calibrated(head, scores, shown, weight)
    order = np.argsort(np.array([template for template, _ in turns], np.uint64))
    return replace(
        head,
        templates=np.array([turns[i][0] for i in order], np.uint64),
        template_policies=_matrix([turns[i][1] for i in order], names),
    )


def _agreed(labelled: Sequence[Labelled]) -> list[tuple[int, Labelled]]:
    """One text a template, by template, where all texts of the template agree on what it shows."""
    _, _, templates = features(Texts.of(pa.array([one.text for one in labelled], pa.string())))
    found: dict[int, Labelled | None] = {}
    for template, one in zip(templates.tolist(), labelled, strict=True):
        first = found.setdefault(template, one)
        if first is not None and first.policies != one.policies:
            found[template] = None
    return [(template, one) for template, one in found.items() if one is not None]


def _matrix(examples: Sequence[Labelled], names: list[str]) -> Bools:
    return np.array([[name in one.policies for name in names] for one in examples], np.bool_).reshape(-1, len(names))


def _balanced(shown: Bools) -> Doubles:
    _, which, num = np.unique(shown, axis=0, return_inverse=True, return_counts=True)
    return np.minimum(1.0, LIMIT / num)[which.ravel()]


def _fit(slots: Any, ends: Any, shown: Bools, weight: Doubles, kept: Bools, names: list[str]) -> Head:  # noqa: ANN401
    """The regressions over the examples that are kept; not calibrated, and nothing is shown yet."""
    linear, sparse = _libraries()
    rows = np.repeat(np.arange(len(shown)), np.diff(ends))
    idf = np.log((1 + kept.sum()) / (1 + np.bincount(slots[kept[rows]], minlength=SLOTS))) + 1
    matrix = sparse.csr_matrix((idf[slots], slots.astype(np.int32), ends), shape=(len(shown), SLOTS))[kept]
    known = np.flatnonzero(np.bincount(slots[kept[rows]], minlength=SLOTS))
    matrix = matrix[:, known]
    length = np.sqrt(np.asarray(matrix.power(2).sum(axis=1)).ravel())
    matrix = sparse.diags(1 / np.maximum(length, 1e-9)) @ matrix
    weights, bias = np.zeros((len(known), len(names))), np.full(len(names), -10.0)
    for policy in range(len(names)):
        target = shown[kept, policy]
        if target.any() and not target.all():
            model = linear.LogisticRegression(C=STRENGTH, solver="liblinear", random_state=0)
            model.fit(matrix, target, sample_weight=weight[kept])
            weights[:, policy], bias[policy] = model.coef_[0], model.intercept_[0]
    return _packed(names, known, idf[known], weights, bias)


def _packed(names: list[str], known: Any, idf: Doubles, weights: Doubles, bias: Doubles) -> Head:  # noqa: ANN401
    strongest = np.sort(np.argsort(-np.abs(weights * idf[:, None]).max(axis=1), kind="stable")[:MAX_FEATURES])
    known, idf, weights = known[strongest], idf[strongest], weights[strongest]
    step = np.maximum(np.abs(weights).max(axis=0), 1e-9) / 127
    ones = np.ones(len(names), np.float32)
    return Head(
        names=np.array(names),
        slots=known.astype(np.uint32),
        idf=np.round(idf * 64).astype(np.float32) / 64,
        weights=np.round(weights / step).astype(np.int8),
        step=step.astype(np.float32),
        bias=bias.astype(np.float32),
        slope=ones,
        offset=0 * ones,
        threshold=NEVER * ones,
        templates=np.zeros(0, np.uint64),
        template_policies=np.zeros((0, len(names)), np.bool_),
    )


def _calibrated(head: Head, scores: Floats, shown: Bools, weight: Doubles) -> Head:
    """With the slope, offset and threshold of each policy that the scores of unseen folds give."""
    linear, _ = _libraries()
    slope, offset, threshold = head.slope.copy(), head.offset.copy(), head.threshold.copy()
    for policy in range(len(head.names)):
        if shown[:, policy].any() and not shown[:, policy].all():
            model = linear.LogisticRegression(C=1e3, solver="lbfgs")
            model.fit(np.maximum(scores[:, [policy]], -8), shown[:, policy], sample_weight=weight)
            slope[policy], offset[policy] = model.coef_[0, 0], model.intercept_[0]
    found = replace(head, slope=slope, offset=offset)
    chances = found.probabilities(scores)
    for policy in range(len(head.names)):
        threshold[policy] = _threshold(chances[:, policy], shown[:, policy], weight)
    return replace(found, threshold=threshold)


def _threshold(chance: Floats, shown: Bools, weight: Doubles) -> float:
    """The lowest one of at least MIN_THRESHOLD above which the precision is PRECISION."""
    order = np.argsort(-chance, kind="stable")
    right = np.cumsum((shown * weight)[order]) / np.cumsum(weight[order])
    good = np.flatnonzero((right >= PRECISION) & (np.arange(len(order)) >= MIN_SHOWN))
    if not len(good):
        return NEVER
    return float(max(MIN_THRESHOLD, np.floor(chance[order[good[-1]]] * 1000) / 1000))


def _libraries() -> tuple[Any, Any]:
    try:
        import scipy.sparse
        import sklearn.linear_model
    except ImportError:
        raise RuleError("training needs scikit-learn: install refinery[train]") from None
    return sklearn.linear_model, scipy.sparse


def templates_of(texts: Sequence[str]) -> Words:
    """The template of each text."""
    return features(Texts.of(pa.array(texts, pa.string())))[2]
