"""Numbers written as words or Chinese numerals, as values: "nineteen", "two hundred and five", 三十, 一百二十."""

from collections.abc import Sequence
from typing import Final

ONES: Final = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
        " seventeen eighteen nineteen".split()
    )
}
TENS: Final = {
    word: 10 * value for value, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
SCALES: Final = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
WORDS: Final = frozenset({*ONES, *TENS, *SCALES})
DIGITS: Final = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_UNITS: Final = {"十": 10, "百": 100, "千": 1_000}
_LARGE: Final = {"万": 10_000, "亿": 100_000_000}
NUMERALS: Final = "".join((*DIGITS, *_UNITS, *_LARGE))


def spelled(words: Sequence[str]) -> list[int]:
    """English number words in a row -> the numbers they say: "nineteen ninety nine" says 19 and 99."""
    found = list[int]()
    total, current, last = 0, 0, 0
    started = False
    for word in words:
        if word in SCALES:
            scale = SCALES[word]
            current = max(1, current) * scale
            if scale > 100:
                total, current = total + current, 0
            last, started = scale, True
        elif word in TENS or word in ONES:
            value = TENS.get(word, ONES.get(word, 0))
            fits = not started or last >= 100 or (last >= 20 and 0 < value < 10)
            if not fits:
                found.append(total + current)
                total = current = 0
            current, last, started = current + value, value, True
    return [*found, total + current] if started else found


def numeral(text: str) -> int | None:
    """A Chinese numeral as a number; digits in a row (二零二六) read one by one; None where it is none."""
    if len(text) > 1 and all(char in DIGITS for char in text):
        return int("".join(str(DIGITS[char]) for char in text))
    total = section = digit = 0
    for char in text:
        if char in DIGITS:
            digit = DIGITS[char]
        elif char in _UNITS:
            section += (digit or 1) * _UNITS[char]
            digit = 0
        elif char in _LARGE:
            total += max(1, section + digit) * _LARGE[char]
            section = digit = 0
        else:
            return None
    return total + section + digit
