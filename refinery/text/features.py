"""What a linear model sees of a text: hashes of words, of neighbours, and of parts of words, sentence by sentence.

    "Which day?"  ->  which day ? | ^which which·day day·? ?·$ | <wh whi hic ich ch> <da day ay>
    "周五还是12号" ->  周 五 还 是 0 号 | ^周 周·五 五·还 还·是 是·0 0·号 号·$

Letters are folded; a number, a word with digits and a placeholder such as [PHONE_1] are all one 0; a Chinese character
is a word. A sentence ends at . ! ? ; ~ and their Chinese forms. Punctuation else counts nowhere.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from refinery.text.code_points import CLASS, DIGIT, HAN, LETTER, ROOM, Bytes, Codes, fold_text, folding
from refinery.text.compiled import compiled
from refinery.text.facts import Words, kind_of, mix

Slots = npt.NDArray[np.uint32]
Offsets = npt.NDArray[np.int32]

SLOTS: Final = 1 << 18
"""Values that a feature's hash takes; 16,000 features of ours share a slot with another in 6 % of cases."""
_SHIFT: Final = np.uint64(64 - 18)
PER_CODE: Final = 4
"""Features of a folded code point, at most, with those of an end of text."""
_BASIS: Final = np.uint64(0x9AE16A3B2F90404F)
_PRIME: Final = np.uint64(0x9FB21C651E98DF25)
_WORD, _PAIR, _PART = np.uint64(0x51ED), np.uint64(0xA3B1), np.uint64(0xC2F7)
_START, _END, _NUMBER, _ASKS = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
_ENDS: Final = np.array([ord(char) for char in ".!?;~。"], np.uint32)
_QUESTION, _STOP, _OPEN, _CLOSE, _UNDERSCORE, _QUOTE = (np.uint32(ord(char)) for char in "?.[]_'")
_MAX_PLACEHOLDER: Final = 40


class Texts(NamedTuple):
    """A string array's buffers: text i is `data[offsets[i]:offsets[i + 1]]`; null is empty."""

    offsets: Offsets
    data: Bytes

    @classmethod
    def of(cls, array: pa.Array) -> "Texts":
        """The buffers of a string array (32-bit offsets)."""
        array = array.fill_null("") if array.null_count else array
        if not len(array):
            return cls(np.zeros(1, np.int32), np.zeros(0, np.uint8))
        _, offsets, data = array.buffers()
        start = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
        return cls(start, np.frombuffer(data or b"", np.uint8))

    @property
    def longest(self) -> int:
        """Bytes of the longest text."""
        return int(np.diff(self.offsets).max(initial=0))


class Tables(NamedTuple):
    """What the kernel looks up; the same in every process."""

    fold: Codes
    more: Codes
    kind: Bytes

    @classmethod
    def shared(cls) -> "Tables":
        """Those of the house's folding."""
        found = folding()
        return cls(found.fold, found.more, found.kind)


class Scratch(NamedTuple):
    """Room for one text: its code points, its features, and the sentence of each."""

    codes: Codes
    slots: Slots
    sentence: Offsets

    @classmethod
    def of(cls, longest: int) -> "Scratch":
        """For texts of up to so many bytes."""
        codes = ROOM * longest + 1
        return cls(
            np.empty(codes, np.uint32),
            np.empty(PER_CODE * (codes + 1), np.uint32),
            np.empty(PER_CODE * (codes + 1), np.int32),
        )


def features(texts: Texts) -> tuple[Slots, npt.NDArray[np.int64], Words]:
    """Distinct slots of each text in ascending order, where each text's begin (one more than texts), and templates.

    A template is a hash of the words in order: equal for texts that differ in case, punctuation and numbers only.
    """
    parts, ends = [np.zeros(0, np.uint32)], [0]
    tables, scratch = Tables.shared(), Scratch.of(texts.longest)
    templates = np.zeros(len(texts.offsets) - 1, np.uint64)
    for i, (start, end) in enumerate(zip(texts.offsets[:-1], texts.offsets[1:], strict=True)):
        num, _, templates[i] = read(texts.data, start, end, tables, scratch)
        parts.append(np.unique(scratch.slots[:num]))
        ends.append(ends[-1] + len(parts[-1]))
    return np.concatenate(parts), np.array(ends, np.int64), templates


@compiled
def read(data: Bytes, start: int, end: int, tables: Tables, scratch: Scratch) -> Any:  # noqa: ANN401, C901
    """Features of `data[start:end]` into the scratch: how many, of how many sentences, and the text's template.

    One loop over the code points, as in `facts.masked`: a call a word would cost more than the word.
    """
    codes, kind = scratch.codes, tables.kind
    size = fold_text(data, start, end, tables.fold, tables.more, codes, 0)
    num, sentence, previous, template = 0, 0, _START, _BASIS
    at = 0
    while at <= size:
        one = kind_of(codes[at], kind) & CLASS if at < size else 0
        token, until = np.uint64(0), at + 1
        if one == HAN:
            token = mix(_BASIS + np.uint64(codes[at]))
        elif one == LETTER or one == DIGIT:  # noqa: PLR1714 (a set is slower here)
            until, token = _word(codes, at, size, kind)
        elif at < size and codes[at] == _OPEN:
            until = _placeholder(codes, at, size, kind)
            token = _NUMBER if until > at + 1 else token
        elif at < size and codes[at] == _QUESTION and previous != _START:
            token = _ASKS
        if token != 0 and not (token == _NUMBER and previous == _NUMBER):
            num = _put(scratch, num, sentence, mix(token + _WORD))
            num = _put(scratch, num, sentence, mix((previous * _PRIME) ^ (token + _PAIR)))
            if one == LETTER and token != _NUMBER and until - at > 2:
                num = _parts(scratch, num, sentence, at, until)
            previous, template = token, mix((template * _PRIME) ^ token)
        if (at == size or _ends(codes, at, size, kind)) and previous != _START:
            num = _put(scratch, num, sentence, mix((previous * _PRIME) ^ (_END + _PAIR)))
            previous, sentence = _START, sentence + 1
        at = until
    return num, sentence, template


@compiled
def _put(scratch: Scratch, num: int, sentence: int, code: Any) -> int:  # noqa: ANN401 (uint64)
    scratch.slots[num] = np.uint32(code >> _SHIFT)
    scratch.sentence[num] = sentence
    return num + 1


@compiled
def _word(codes: Codes, at: int, size: int, kind: Bytes) -> Any:  # noqa: ANN401 (int, uint64)
    """Where the word ends, and its hash; an apostrophe between letters is part of it."""
    state, digit = _BASIS, False
    while at < size:
        one = kind_of(codes[at], kind) & CLASS
        quote = codes[at] == _QUOTE or codes[at] == 0x2019  # noqa: PLR1714
        if quote and at + 1 < size and kind_of(codes[at + 1], kind) & CLASS == LETTER:
            one = LETTER
        if one != LETTER and one != DIGIT:  # noqa: PLR1714
            break
        digit |= one == DIGIT
        codes[at] = _QUOTE if quote else codes[at]
        state = (state ^ np.uint64(codes[at])) * _PRIME
        at += 1
    return at, (_NUMBER if digit else mix(state))


@compiled
def _parts(scratch: Scratch, num: int, sentence: int, start: int, end: int) -> int:
    """Three neighbouring letters each, with the word's beginning and end."""
    before, one = np.uint64(ord("<")), np.uint64(scratch.codes[start])
    for i in range(start + 1, end + 1):
        after = np.uint64(scratch.codes[i]) if i < end else np.uint64(ord(">"))
        code = (before << np.uint64(42)) | (one << np.uint64(21)) | after
        num = _put(scratch, num, sentence, mix(code * _PRIME + _PART))
        before, one = one, after
    return num


@compiled
def _placeholder(codes: Codes, at: int, size: int, kind: Bytes) -> int:
    """Where a [PHONE_1] that begins here ends, or `at + 1`."""
    until, underscore, digits = at + 1, False, 0
    while until < min(size, at + _MAX_PLACEHOLDER):
        one = kind_of(codes[until], kind) & CLASS
        if codes[until] == _CLOSE:
            return until + 1 if underscore and digits else at + 1
        if codes[until] == _UNDERSCORE:
            underscore, digits = True, 0
        elif one == DIGIT:
            digits += 1
        elif one != LETTER or digits:
            break
        until += 1
    return at + 1


@compiled
def _ends(codes: Codes, at: int, size: int, kind: Bytes) -> bool:
    """Whether a sentence ends here; a full stop before a letter or digit ends none."""
    for end in _ENDS:
        if codes[at] == end:
            if codes[at] != _STOP or at + 1 >= size:
                return True
            after = kind_of(codes[at + 1], kind) & CLASS
            return bool(after != LETTER and after != DIGIT)  # noqa: PLR1714
    return False
