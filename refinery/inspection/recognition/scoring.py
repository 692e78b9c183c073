"""The compiled part of recognition: how strongly each text shows each policy."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from refinery.text.code_points import Bytes
from refinery.text.compiled import compiled
from refinery.text.facts import Words
from refinery.text.features import Offsets, Scratch, Tables, read

Floats = npt.NDArray[np.float32]


class Weights(NamedTuple):
    """A linear head: `row[slot]` is a feature's row; `weights[row]` by policy and `square[row]` hold its idf.

    The last row is that of all features that were not seen in training: no weights, and the idf of the rarest. They
    make a text longer and so its score weaker, so that recognition abstains where most is strange to it.
    """

    row: Offsets
    weights: Floats
    square: Floats
    bias: Floats


@compiled
def score(  # noqa: C901 (two sums in one loop)
    offsets: Offsets, data: Bytes, tables: Tables, scratch: Scratch, head: Weights, out: Floats, templates: Words
) -> None:
    """Scores by text and policy into `out` (texts, policies), and each text's template.

    The score is the mean of that of the whole text and that of its strongest sentence, each with its distinct
    features scaled to length one. A text without any feature keeps what `out` held.
    """
    num_policies = head.weights.shape[1]
    in_text, in_sentence = np.full(len(head.row), -1, np.int64), np.full(len(head.row), -1, np.int64)
    whole, part = np.zeros(num_policies, np.float32), np.zeros(num_policies, np.float32)
    best = np.zeros(num_policies, np.float32)
    sentences = 0
    for text in range(len(offsets) - 1):
        num, found, templates[text] = read(data, offsets[text], offsets[text + 1], tables, scratch)
        whole[:], part[:], best[:] = 0, 0, -np.inf
        whole_square, part_square = np.float32(0), np.float32(0)
        for i in range(num):
            slot = scratch.slots[i]
            row = head.row[slot]
            if in_sentence[slot] != sentences + scratch.sentence[i]:
                in_sentence[slot] = sentences + scratch.sentence[i]
                part_square += head.square[row]
                for policy in range(num_policies):
                    part[policy] += head.weights[row, policy]
            if in_text[slot] != text:
                in_text[slot] = text
                whole_square += head.square[row]
                for policy in range(num_policies):
                    whole[policy] += head.weights[row, policy]
            if (i + 1 == num or scratch.sentence[i + 1] != scratch.sentence[i]) and part_square > 0:
                scale = np.float32(1) / np.sqrt(part_square)
                for policy in range(num_policies):
                    best[policy] = max(best[policy], part[policy] * scale)
                part[:], part_square = 0, np.float32(0)
        sentences += found
        if whole_square > 0:
            scale = np.float32(1) / np.sqrt(whole_square)
            for policy in range(num_policies):
                out[text, policy] = (whole[policy] * scale + best[policy]) / np.float32(2) + head.bias[policy]
