"""Signatures and bands, with datasketch as the reference."""

import re

import datasketch.lsh
import numpy as np
import pytest
from datasketch import MinHash

from refinery.dedup.detection import SLOTS, detection, fault
from refinery.dedup.signature import sign


def signed(hashes: np.ndarray) -> np.ndarray:
    slots = np.zeros(SLOTS, np.uint32)
    sign(hashes, len(hashes), slots)
    return slots


def pair(rng: np.random.Generator, size: int, jaccard: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Two sets of random hashes of this size and about this Jaccard, which is given back exactly."""
    shared = round(2 * size * jaccard / (1 + jaccard))
    hashes = rng.integers(1, 2**63, 2 * size - shared).astype(np.uint64) * np.uint64(2) + np.uint64(1)
    return hashes[:size], hashes[size - shared :], shared / (2 * size - shared)


@pytest.mark.parametrize("jaccard", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("size", [16, 100, 700])
def test_the_estimate_is_that_of_datasketch_and_no_worse(size, jaccard):
    rng, ours, theirs = np.random.default_rng(size), [], []
    for _ in range(150):
        left, right, truth = pair(rng, size, jaccard)
        ours.append(np.mean(signed(left) == signed(right)) - truth)
        reference = [MinHash(SLOTS, seed=7) for _ in range(2)]
        for sketch, hashes in zip(reference, (left, right), strict=True):
            sketch.update_batch([value.tobytes() for value in hashes])
        theirs.append(reference[0].jaccard(reference[1]) - truth)
    error = np.sqrt(jaccard * (1 - jaccard) / SLOTS)
    assert abs(np.mean(ours)) < 4 * error / np.sqrt(len(ours))
    assert np.std(ours) < 1.2 * error
    assert abs(np.mean(ours) - np.mean(theirs)) < 6 * error / np.sqrt(len(ours))


def test_repeated_shingles_and_their_order_change_nothing():
    hashes = np.random.default_rng(1).integers(1, 2**63, 90).astype(np.uint64)
    assert (signed(hashes) == signed(np.concatenate([hashes[::-1], hashes]))).all()


def test_one_shingle_fills_all_samples():
    assert len(set(signed(np.array([5], np.uint64)).tolist())) > 100


@pytest.mark.parametrize(("bands", "rows"), [(21, 6), (16, 8), (25, 5), (14, 9)])
def test_the_arithmetic_of_bands_is_that_of_datasketch(bands, rows):
    at = (np.arange(100) + 0.5) / 100
    missed = sum(1 - detection(s, bands, rows) for s in at if s > 0.8) / 100
    assert missed == pytest.approx(datasketch.lsh._false_negative_probability(0.8, bands, rows), abs=2e-4)


def test_the_default_bands_find_what_the_design_asks_for():
    assert detection(0.8, 21, 6) > 0.998
    assert detection(0.75, 21, 6) > 0.98
    assert fault(0.8, 0.75, 21, 6) is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            (0.7, 0.7, 21, 6),
            "21 bands of 6 rows find a pair of Jaccard 0.7 .* less than 0.97; 25 bands of 5 rows would do",
        ),
        ((0.6, 0.8, 21, 6), "threshold 0.6 lies below min_threshold 0.8"),
        ((0.8, 0.8, 22, 6), "take 132 samples; a signature has 128"),
    ],
)
def test_bands_that_would_miss_pairs_are_refused_with_those_that_would_do(given, words):
    assert re.search(words, fault(*given) or "")


@pytest.mark.parametrize("near", [0.6, 0.7, 0.8, 0.9])
def test_measured_detection_is_the_theoretical(near):
    rng, found = np.random.default_rng(3), 0
    for _ in range(400):
        left, right, _ = pair(rng, 300, near)
        same = (signed(left) == signed(right))[: 21 * 6].reshape(21, 6)
        found += same.all(1).any()
    expected = detection(near, 21, 6)
    assert abs(found / 400 - expected) < 4 * np.sqrt(expected * (1 - expected) / 400) + 0.005
