"""What a text states that must not differ between copies: numbers, words of outcome, count and date, arguments.

    "订单 A12-34 退款20元，周五到" -> compared as "订单0退款0元周五到", facts {a12-34, 20, 周五}

A fact is 64 bits: its kind in the upper 8, a hash below. Two lists of facts conflict where, within one kind, each has
some that the other lacks, or has them more often: a copy that lost a turn lost facts and has no others; another order
has others.
"""

from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from refinery.text.code_points import CLASS, DIGIT, HAN, LETTER, PLANES, SEPARATOR, Bytes, Codes, folding
from refinery.text.compiled import compiled

Words = npt.NDArray[np.uint64]

NUMBER, WORD, VALUE, MIXED, FIELD = 1, 2, 3, 4, 5
"""Kinds: numbers, Chinese numerals too; the words below; arguments of calls; words with letters and digits; FIELD and
above, to 31, are for what is known beside the text. The last bit of a number is 1 where it is long (orders, dates)."""
_NUMERAL, _UNIT, _BEFORE, _ENDING = 4, 8, 16, 32
_TELLING = _NUMERAL | _UNIT | _ENDING
"""Marks of Chinese characters: numerals, units, what stands before a numeral, and the last ones of listed words."""
_NUMERALS: Final = "零〇一二两三四五六七八九十百千万亿半"
_UNITS: Final = "元块毛角号月日点年折单份件个杯盒瓶张次天"
_BEFORES: Final = "周期拜第初"
_WORDS: Final = (
    "成功 失败 通过 驳回 拒绝 同意 批准 取消 签收 退回 可以 不能 无法 不行 明天 后天 今天 昨天"
    " approved denied declined rejected accepted refused confirmed cancelled canceled successful unsuccessful failed"
    " resolved unresolved eligible ineligible available unavailable able unable cannot today tomorrow yesterday"
    " two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen"
    " nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million"
    " monday tuesday wednesday thursday friday saturday sunday january february april june july august september"
    " october november december"
)
_MAX_NUMERAL: Final = 12
_LONG: Final = 6
_MAX_VALUE: Final = 40
"""Bytes of an argument that names something; longer ones are prose."""
_SLOTS: Final = 1024
_BASIS: Final = np.uint64(0xCBF29CE484222325)
_PRIME: Final = np.uint64(0x100000001B3)
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_HASH: Final = np.uint64((1 << 56) - 1)
_LAST: Final = np.uint64(1)
_ZERO, _SPACE = np.uint32(ord("0")), np.uint32(ord(" "))
_OPEN, _CLOSE = np.uint32(ord("[")), np.uint32(ord("]"))


@cache
def kinds() -> Bytes:
    """The kind of each code point, numerals, units and what stands before numerals marked."""
    kind = folding().kind.copy()
    endings = "".join(word[-1] for word in _WORDS.split() if not word.isascii())
    for chars, flag in ((_NUMERALS, _NUMERAL), (_UNITS, _UNIT), (_BEFORES, _BEFORE), (endings, _ENDING)):
        kind[[ord(char) for char in chars]] |= np.uint8(flag)
    return kind


@cache
def words() -> Words:
    """The words that are facts, as an open hash table of their hashes; 0 is a free slot."""
    table = np.zeros(_SLOTS, np.uint64)
    for word in _WORDS.split():
        code = _state(np.array([ord(char) for char in word], np.uint32), 0, len(word))
        slot = (int(code) >> 32) % _SLOTS
        while table[slot]:
            slot = (slot + 1) % _SLOTS
        table[slot] = code
    return table


@compiled
def _state(codes: Codes, start: int, end: int) -> Any:  # noqa: ANN401 (uint64)
    state = _BASIS
    for i in range(start, end):
        state = (state ^ np.uint64(codes[i])) * _PRIME
    return state


@compiled
def mix(state: Any) -> Any:  # noqa: ANN401 (uint64)
    """A 64-bit finaliser: equal bits in, unrelated bits out."""
    state = (state ^ (state >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    state = (state ^ (state >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return state ^ (state >> np.uint64(32))


@compiled
def fact(kind: int, code: Any) -> Any:  # noqa: ANN401 (uint64)
    """A hash as a fact of the kind."""
    return (np.uint64(kind) << np.uint64(56)) | (code & _HASH)


@compiled
def listed_word(state: Any, table: Words) -> bool:  # noqa: ANN401 (uint64)
    """Whether the table of `words` holds the state of a word."""
    slot = (state >> np.uint64(32)) % np.uint64(_SLOTS)
    while table[slot] != 0:
        if table[slot] == state:
            return True
        slot = (slot + np.uint64(1)) % np.uint64(_SLOTS)
    return False


@compiled
def kind_of(code: Any, kind: Bytes) -> int:  # noqa: ANN401
    """The kind of a folded code point."""
    return int(kind[code]) if code < PLANES else (HAN if code < 0x32000 else SEPARATOR)


@compiled
def _number(codes: Codes, start: int, end: int, kind: Bytes) -> Any:  # noqa: ANN401 (uint64)
    """The hash of a word with digits: of its parts, without zeros before them, whatever mark stands between them.

    2026-05-01 is 2026/5/1, 1,000.00 is 1000. The last bit is 1 where that is long.
    """
    state, at, size = _BASIS, start, 0
    while at < end:
        until = at
        while until < end and kind_of(codes[until], kind) != SEPARATOR:
            until += 1
        mark = codes[at - 1] if at > start else np.uint32(0)
        thousands = mark == 44 and until - at == 3
        first = at
        while first < until and codes[first] == _ZERO and not thousands:
            first += 1
        if first < until or not (mark == 46 and until == end):
            state = state if thousands else (state ^ np.uint64(46)) * _PRIME
            for i in range(first, until):
                state = (state ^ np.uint64(codes[i])) * _PRIME
            size += until - first
        at = until + 1
    return (mix(state) & ~_LAST) | np.uint64(size >= _LONG)


@compiled
def masked(  # noqa: C901 (one loop, see below)
    codes: Codes, start: int, end: int, kind: Bytes, table: Words, out: Codes, num: int, facts: Words, num_facts: int
) -> tuple[int, int]:
    """Appends the comparable form of one turn, `codes[start:end]`, to `out`, and its facts to `facts`: both new ends.

    The turn begins a new word. `out` needs as many places as there are codes and one more, `facts` as many as codes.
    One loop over the codes, since a call a word made it four times slower.
    """
    word, digit, letter, state, first = -1, False, False, _BASIS, num
    apart, latin = True, num > 0 and kind_of(out[num - 1], kind) & CLASS != HAN
    for at in range(start, end + 1):
        one = kind_of(codes[at], kind) if at < end else SEPARATOR
        if one == LETTER or one == DIGIT:  # noqa: PLR1714 (a set is slower here)
            if word < 0:
                if apart and latin:
                    out[num] = _SPACE
                    num += 1
                word, digit, letter, state, first = at, False, False, _BASIS, num
            out[num] = codes[at]
            state = (state ^ np.uint64(codes[at])) * _PRIME
            digit |= one == DIGIT
            letter |= one == LETTER
            num += 1
            continue
        if word >= 0:
            if digit:
                if _joins(codes, at, end, kind):
                    out[num] = codes[at]
                    num += 1
                    continue
                # A word with a digit in it is one 0, whatever it says.
                out[first], num = _ZERO, first + 1
                if not _placeholder(codes, start, word, at, end, kind):
                    facts[num_facts] = fact(MIXED if letter else NUMBER, _number(codes, word, at, kind))
                    num_facts += 1
            elif listed_word(state, table):
                facts[num_facts] = fact(WORD, mix(state))
                num_facts += 1
            word, apart, latin = -1, False, True
        if one == SEPARATOR:
            apart = True
            continue
        if one & _TELLING:
            num_facts = _han_fact(codes, start, at, kind, table, facts, num_facts)
        out[num] = codes[at]
        num, apart, latin = num + 1, False, False
    return num, num_facts


@compiled
def _joins(codes: Codes, at: int, end: int, kind: Bytes) -> bool:
    """Whether one mark, and no space, stands between two digits: in an amount, date or time."""
    if at + 1 >= end or codes[at] == _SPACE:
        return False
    return kind_of(codes[at - 1], kind) == DIGIT and kind_of(codes[at + 1], kind) == DIGIT


@compiled
def _placeholder(codes: Codes, start: int, at: int, until: int, end: int, kind: Bytes) -> bool:
    """Whether this is the number of a [PHONE_1]: it says which value of the conversation, not what it is."""
    if until >= end or codes[until] != _CLOSE or at - 2 < start or codes[at - 1] != 95:
        return False
    at -= 1
    while at > start and (kind_of(codes[at], kind) == LETTER or codes[at] == 95):
        at -= 1
    return bool(codes[at] == _OPEN)


@compiled
def _han_fact(codes: Codes, start: int, at: int, kind: Bytes, table: Words, facts: Words, num_facts: int) -> int:
    """Adds what ends at this Chinese character: a numeral with its unit (三百元, 周五), or a listed word (成功)."""
    one = kind_of(codes[at], kind)
    first = at
    if one & _UNIT or one & _NUMERAL:
        while first > max(start, at - _MAX_NUMERAL) and kind_of(codes[first - 1], kind) & _NUMERAL:
            first -= 1
    if one & _UNIT and first < at:
        facts[num_facts] = fact(NUMBER, mix(_state(codes, first, at + 1)) & ~_LAST)
        return num_facts + 1
    if one & _NUMERAL and first > start and kind_of(codes[first - 1], kind) & _BEFORE:
        facts[num_facts] = fact(WORD, mix(_state(codes, first - 1, at + 1)))
        return num_facts + 1
    if at > start:
        state = _state(codes, at - 1, at + 1)
        if listed_word(state, table):
            facts[num_facts] = fact(WORD, mix(state))
            return num_facts + 1
    return num_facts


@compiled
def value_facts(data: Bytes, start: int, end: int, facts: Words, num_facts: int) -> int:
    """Adds the values of a JSON text (not its keys) of at most 40 bytes; the new end of `facts`. Numbers as text."""
    at = start
    while at < end:
        byte = data[at]
        if byte == 34:
            until = _string_end(data, at + 1, end)
            after = until + 1
            while after < end and data[after] <= 32:
                after += 1
            if not (after < end and data[after] == 58):
                num_facts = word_fact(data, at + 1, until, facts, num_facts)
            at = until + 1
        elif byte == 45 or 48 <= byte <= 57 or 97 <= byte <= 122:
            until = at
            while until < end and data[until] not in (44, 93, 125) and data[until] > 32:
                until += 1
            num_facts = word_fact(data, at, until, facts, num_facts)
            at = until
        else:
            at += 1
    return num_facts


@compiled
def _string_end(data: Bytes, at: int, end: int) -> int:
    while at < end and data[at] != 34:
        at += 2 if data[at] == 92 else 1
    return min(at, end)


@compiled
def word_fact(data: Bytes, start: int, end: int, facts: Words, num_facts: int) -> int:
    """Adds the bytes as one value, if they are at most 40."""
    if not 0 < end - start <= _MAX_VALUE:
        return num_facts
    facts[num_facts] = fact(VALUE, hash_bytes(data, start, end))
    return num_facts + 1


@compiled
def hash_bytes(data: Bytes, start: int, end: int) -> Any:  # noqa: ANN401 (uint64)
    """Over the bytes, ASCII letters without case."""
    state = _BASIS
    for i in range(start, end):
        byte = np.uint64(data[i])
        state = (state ^ (byte | np.uint64(32) if 65 <= byte <= 90 else byte)) * _PRIME
    return mix(state)


@compiled
def conflict(left: Words, right: Words) -> bool:
    """Whether two sorted lists of facts state, within one kind, each something more often than the other does."""
    i = j = 0
    only = np.uint64(0)  # bit k: left alone has some of kind k; bit 32 + k: right alone
    while i < len(left) or j < len(right):
        if j == len(right) or (i < len(left) and left[i] < right[j]):
            only |= np.uint64(1) << (left[i] >> np.uint64(56))
            i += 1
        elif i == len(left) or right[j] < left[i]:
            only |= np.uint64(1) << (np.uint64(32) + (right[j] >> np.uint64(56)))
            j += 1
        else:
            i, j = i + 1, j + 1
    return bool((only & (only >> np.uint64(32))) != 0)
