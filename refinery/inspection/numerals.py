"""Numbers in Chinese and English text: `2,000`, `两`, `二十五`, `1.2万`, `twenty-five`.

Digits glued to letters (`A17`, `CVC2`) are no numbers; a date or a range gives each of its parts.
"""

import re
from collections.abc import Iterator
from typing import Final

_DIGITS: Final = "零〇 一壹 二两贰兩 三叁 四肆 五伍 六陆 七柒 八捌 九玖".split()
_DIGIT: Final = {char: value for value, chars in enumerate(_DIGITS) for char in chars}
_UNIT: Final = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000, "万": 10_000}
_ENGLISH: Final = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen".split()
    )
} | {word: 20 + 10 * n for n, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split())}
_HAN: Final = "[" + "".join([*_DIGIT, *_UNIT]) + "]"
_COUNTED: Final = "[个天日小钟分元块周星期月年号点位件份单次杯人岁折倍秒刻毛角]"
"""A single Chinese numeral counts only before one of these: in 一直 and 一定 it is no number."""
_WORD: Final = "|".join(sorted(_ENGLISH, key=len, reverse=True))
_NUMBER: Final = re.compile(
    r"(?P<digits>(?<![A-Za-z0-9_.])(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?)(?P<wan>万)?"
    rf"|(?P<han>{_HAN}{{2,}}|{_HAN}(?={_COUNTED}|$))|\b(?P<words>(?:{_WORD})(?:[ -](?:{_WORD}))?)\b",
    re.IGNORECASE,
)
MAX_DIGITS: Final = 15
"""More digits than a float tells apart: a serial number, and no amount or time."""


def numbers_in(text: str) -> Iterator[float]:
    """All numbers of a text, in order."""
    for match in _NUMBER.finditer(text):
        if match["digits"]:
            digits = match["digits"].replace(",", "")
            if len(digits) <= MAX_DIGITS:
                yield float(digits) * (10_000 if match["wan"] else 1)
        elif match["han"]:
            yield from _chinese(match["han"])
        else:
            yield float(sum(_ENGLISH[word] for word in re.split("[ -]", match["words"].lower())))


def _chinese(text: str) -> Iterator[float]:
    """`二十五` is 25, `两万三千` 23,000; without a unit, digit by digit: `一八零` is 180."""
    if not any(char in _UNIT for char in text):
        yield float("".join(str(_DIGIT[char]) for char in text)) if len(text) <= MAX_DIGITS else 0.0
        return
    total = section = digit = 0
    for char in text:
        unit = _UNIT.get(char)
        if unit is None:
            digit = _DIGIT[char]
        elif unit == 10_000:
            total, section, digit = total + (section + digit) * unit, 0, 0
        else:
            section, digit = section + (digit or 1) * unit, 0
    yield float(total + section + digit)
