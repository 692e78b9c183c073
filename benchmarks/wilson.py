"""A share with its 95 % Wilson interval."""

from math import sqrt
from typing import Final

Z: Final = 1.959964


def wilson(hits: int, num: int) -> tuple[float, float]:
    """Least and most of the share that `hits` of `num` allow; num > 0."""
    share, square = hits / num, Z * Z / num
    middle, arm = share + square / 2, Z * sqrt(share * (1 - share) / num + square / (4 * num))
    return max(0.0, middle - arm) / (1 + square), min(1 + square, middle + arm) / (1 + square)


def shown(hits: int, num: int) -> str:
    """`0.958 (0.86 to 0.99)`."""
    if not num:
        return "none"
    low, high = wilson(hits, num)
    return f"{hits / num:.3f} ({low:.2f} to {high:.2f})"
