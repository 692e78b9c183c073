"""What is counted in each text on its own, block by block: characters, words by script, phrases, repeated sequences."""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refinery.quality.phrases import Phrases
from refinery.quality.units import HAN, KANA, LATIN, OTHER, Ints, Mask, Units, blocks, cut

Floats = npt.NDArray[np.float64]
_SEQUENCE: Final = 6
"""Words of a sequence that is looked for again: long enough that two items of a list do not share it by chance."""
MIN_WORDS: Final = 30
"""A shorter text is not searched for sequences: an address or a product name said twice would be half of it."""
_STEP: Final = np.uint64(0xD6E8FEB86659FD93)


class Texts(NamedTuple):
    """A value a text; `words` and what follows are units (see refinery.quality.units), sums of which make sense."""

    letters: Ints  # characters that words are made of
    symbols: Ints  # other characters that can be seen; one written again and again counts once
    words: Ints
    han: Ints
    latin: Ints
    kana: Ints
    other: Ints  # of any other script
    english: Ints  # of the Latin ones, those among the commonest of English
    beyond_greetings: Ints
    beyond_boilerplate: Ints
    on_topic: Ints  # words that belong to a topic
    repeated: Floats  # share of the sequences that occurred before in the text; -1: too short, or not searched


def measure(texts: pa.Array, searched: Mask, known: Phrases) -> Texts:
    """The counts of each text; sequences are looked for where `searched` says.

    `known` has the lists greetings, boilerplate, english and topics.
    """
    parts, start = [], 0
    for block in blocks(texts):
        parts.append(_measured(cut(block), searched[start : start + len(block)], known))
        start += len(block)
    if not parts:
        parts = [_measured(cut(texts), searched, known)]
    return Texts(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _measured(units: Units, searched: Mask, known: Phrases) -> Texts:
    classes, latin = units.classes, units.classes == LATIN
    part_of = known.cover(units)
    greeting, boilerplate = part_of["greetings"], part_of["boilerplate"]
    words = units.per_text()
    return Texts(
        letters=units.letters,
        symbols=units.symbols,
        words=words,
        han=units.per_text(classes == HAN),
        latin=units.per_text(latin),
        kana=units.per_text(classes == KANA),
        other=units.per_text(classes == OTHER),
        english=units.per_text(part_of["english"] & latin),
        beyond_greetings=units.per_text(~greeting),
        beyond_boilerplate=units.per_text(~(greeting | boilerplate)),
        on_topic=units.per_text(part_of["topics"]),
        repeated=_repeated(units, searched & (words >= MIN_WORDS)),
    )


def _repeated(units: Units, searched: Mask) -> Floats:
    """The share of each text's sequences of words that are not the first of their kind in it."""
    inside = searched[units.texts]
    hashes, texts = units.hashes[inside], units.texts[inside]
    num = max(0, len(hashes) - _SEQUENCE + 1)
    sequences = hashes[:num]
    for i in range(1, _SEQUENCE):
        sequences = sequences * _STEP + hashes[i : i + num]
    whole = texts[:num] == texts[len(texts) - num :]
    sequences, owners = sequences[whole], texts[:num][whole]
    # A block holds fewer than 2^20 texts: their number goes before 44 bits of the hash, and one sort brings equals
    # of a text together (two sequences of 10^4 are taken for one with a chance of 3 in a million).
    keys = np.sort(owners.astype(np.uint64) << np.uint64(44) | sequences >> np.uint64(20))
    again = (keys[1:][keys[1:] == keys[:-1]] >> np.uint64(44)).astype(np.int64)
    total = np.bincount(owners, minlength=len(searched))
    return np.where(total > 0, np.bincount(again, minlength=len(searched)) / np.maximum(total, 1), -1.0)
