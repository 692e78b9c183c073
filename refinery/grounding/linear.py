"""A logistic model over named features: small enough to read, fitted by Newton's method, kept as JSON.

{"threshold": 0.08, "bias": -3.1, "weights": {"cover": -0.9, …}, "means": {…}, "deviations": {…}}
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import orjson
from pydantic import BaseModel, ConfigDict

Floats = npt.NDArray[np.float64]
_STEPS: Final = 25


class Linear(BaseModel):
    """`score` is a probability; `threshold`, the score from which it counts, is chosen when it is fitted."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    threshold: float
    bias: float
    weights: dict[str, float]
    means: dict[str, float]
    deviations: dict[str, float]

    def score(self, features: Mapping[str, float]) -> float:
        """The probability for one case; KeyError where a feature is missing."""
        total = self.bias + sum(
            weight * (features[name] - self.means[name]) / self.deviations[name]
            for name, weight in self.weights.items()
        )
        return float(1 / (1 + np.exp(-np.clip(total, -30, 30))))

    @classmethod
    def fit(
        cls, cases: Sequence[Mapping[str, float]], truth: Sequence[bool], names: Sequence[str], ridge: float
    ) -> Self:
        """Ridge-penalised maximum likelihood; the threshold is 0.5."""
        raw = np.array([[case[name] for name in names] for case in cases], np.float64)
        means, deviations = raw.mean(0), np.maximum(raw.std(0), 1e-6)
        design = np.c_[np.ones(len(raw)), (raw - means) / deviations]
        weights, wanted = np.zeros(design.shape[1]), np.array(truth, np.float64)
        penalty = np.full(design.shape[1], ridge)
        penalty[0] = 1e-9
        for _ in range(_STEPS):
            chance = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
            slope = design.T @ (chance - wanted) + penalty * weights
            curve = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(penalty)
            weights -= np.linalg.solve(curve, slope)
        return cls(
            threshold=0.5,
            bias=float(weights[0]),
            weights=_named(names, weights[1:]),
            means=_named(names, means),
            deviations=_named(names, deviations),
        )


def load(path: Path) -> dict[str, Linear]:
    """The models of a file, by name."""
    found: dict[str, Any] = orjson.loads(path.read_bytes())
    return {name: Linear.model_validate(model) for name, model in found.items()}


def dump(models: Mapping[str, Linear]) -> bytes:
    """The models as a file; six digits are enough."""
    plain = {name: _rounded(model.model_dump()) for name, model in models.items()}
    return orjson.dumps(plain, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def _named(names: Sequence[str], values: Floats) -> dict[str, float]:
    return dict(zip(names, map(float, values), strict=True))


def _rounded(value: Any) -> Any:  # noqa: ANN401 (floats, and dicts of them)
    return {k: _rounded(v) for k, v in value.items()} if isinstance(value, dict) else round(value, 6)
