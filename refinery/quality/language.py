"""The language of a conversation by the scripts of its words: zh, en, mixed or other."""

from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from refinery.quality.units import Ints, Mask

LANGUAGES: Final = ("zh", "en", "other")
_MAX_MIXED: Final = 0.3
"""Up to this share of its words a Chinese chat may name products in Latin letters and still be Chinese."""
_MIN_KANA: Final = 0.1
"""From this share of kana among Chinese characters and kana on, the text is Japanese, these characters too."""
_MIN_LATIN, _MIN_ENGLISH = 20, 0.05
"""From 20 Latin words on, English has one of its commonest words in 20 (in English logs it is one in four)."""


class Scripts(NamedTuple):
    """Words by script, a value a conversation; `english`: of the Latin ones, those among the commonest of English."""

    han: Ints
    latin: Ints
    kana: Ints
    other: Ints
    english: Ints


def languages(scripts: Scripts) -> tuple[pa.Array, pa.Array]:
    """Language and mixed share (words that are not of the chief script) of each; null where there is no letter."""
    han, latin, kana, other, english = scripts
    japanese = kana >= np.maximum(1, _MIN_KANA * (han + kana))
    counts = np.stack([np.where(japanese, 0, han), latin, kana + other + np.where(japanese, han, 0)])
    total = counts.sum(axis=0)
    chief = counts.argmax(axis=0)
    mixed = 1 - counts.max(axis=0) / np.maximum(total, 1)
    labels = np.where(_not_english(latin, english) & (chief == 1), 2, chief)
    labels = np.where(mixed > _MAX_MIXED, len(LANGUAGES), labels)
    none = total == 0
    names = pa.array([*LANGUAGES, "mixed"]).take(pa.array(labels, mask=none))
    return names, pa.array(mixed, mask=none)


def _not_english(latin: Ints, english: Ints) -> Mask:
    found: Mask = (latin >= _MIN_LATIN) & (english < _MIN_ENGLISH * latin)
    return found
