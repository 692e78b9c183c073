"""The arithmetic of bands: how likely two conversations of a Jaccard share one."""

from typing import Final

SLOTS: Final = 128
"""Samples in a signature."""
MIN_DETECTION: Final = 0.97
"""Bands that find fewer of the pairs at the lowest threshold are refused."""


def detection(jaccard: float, bands: int, rows: int) -> float:
    """The probability that two sets of this Jaccard agree on all samples of a band at least once."""
    return float(1 - (1 - jaccard**rows) ** bands)


def fault(threshold: float, min_threshold: float, bands: int, rows: int) -> str | None:
    """What is wrong with these parameters, and which bands would do; None where nothing is."""
    if threshold < min_threshold:
        return f"threshold {threshold} lies below min_threshold {min_threshold}, from which links are kept"
    if bands * rows > SLOTS:
        return f"{bands} bands of {rows} rows take {bands * rows} samples; a signature has {SLOTS}"
    found = detection(min_threshold, bands, rows)
    if found < MIN_DETECTION:
        most = next(
            (f"{SLOTS // r} bands of {r} rows" for r in range(rows, 0, -1) if _enough(min_threshold, r)), "none"
        )
        return (
            f"{bands} bands of {rows} rows find a pair of Jaccard {min_threshold} (min_threshold) with probability "
            f"{found:.3f}, less than {MIN_DETECTION}; {most} would do"
        )
    return None


def _enough(jaccard: float, rows: int) -> bool:
    return detection(jaccard, SLOTS // rows, rows) >= MIN_DETECTION
