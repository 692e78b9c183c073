"""What papers bear: identity numbers of China, social security numbers, passports, number plates, days of birth."""

import re
from datetime import date

from stdnum.cn import ric

from refinery.text.kinds.shape import (
    BIRTH_DATE,
    CN_ID,
    FROM,
    LINK,
    PASSPORT,
    PLATE,
    SSN,
    TO,
    WORD_END,
    WORD_START,
    Pattern,
    called_order,
    digits,
    quantity,
    whole,
)

# Chinese identity numbers (GB 11643): 18 digits with a checksum; 15 digits, as given out until 1999, by their cue.

_OLD_CUE = "(?:身份证[^0-9\x00]{0,12}|证件[^0-9\x00]{0,6}|(?:id|identity|resident|national)[^0-9\x00]{0,30})"


def is_identity(number: str) -> bool:
    """Checksum and calendar day hold. The list of regions is not asked: it lags behind the numbers given out."""
    return _is_day(number[6:10], number[10:12], number[12:14]) and ric.calc_check_digit(number) == number[-1]


def _is_day(year: str, month: str, day: str) -> bool:
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True


def identity(value: str) -> str:
    """An identity number without its gaps, X in capitals."""
    number = digits(value)
    return number + value[-1].upper() if value[-1:] in ("x", "X") else number


def _identity(value: str, before: str, after: str) -> tuple[int, int] | None:
    return whole(value) if is_identity(identity(value)) else None


def _old_identity(value: str, before: str, after: str) -> tuple[int, int] | None:
    return whole(value) if _is_day(f"19{value[6:8]}", value[8:10], value[10:12]) else None


# Social security numbers: by shape with dashes, else by cue. stdnum refuses the famous fakes, which are masked here.

_SSN_CUE = "(?i:ssn|social(?:[ ]security)?|soc[.]?[ ]sec|(?:^|[^a-z])ss[ ](?:number|no)|社会安全|社安|社会保障)"
_SSN = "(?:00[1-9]|0[1-9][0-9]|[1-578][0-9]{2}|6[0-57-9][0-9]|66[0-57-9])"


_NEAR_SSN = re.compile(rf"{_SSN_CUE}[^.!?。！？\x01]{{0,60}}$")


def _near_ssn(value: str, before: str, after: str) -> tuple[int, int] | None:
    """In three groups, or in one behind words alone, in the sentence that names it."""
    near = _NEAR_SSN.search(before[-80:])
    grouped = not value.isdigit() or (near and not re.search("[0-9]", near[0]))
    return whole(value) if near and grouped and not called_order(before) and not quantity(after) else None


def _ssn(value: str, before: str, after: str) -> tuple[int, int] | None:
    real = value[4:6] != "00" and value[7:] != "0000"
    return (
        whole(value)
        if real and not called_order(before) and not re.search("(?i)part[ ]?(?:no)?.?[ ]?$", before)
        else None
    )


# Passports: letters and digits as China and the United States print them, near their cue.

_CN_PASSPORT = "[EGDSP][0-9]{8}|E[A-HJ-NP-Za-hj-np-z][0-9]{7}|[DSP]E[0-9]{7}|[HMC][0-9]{8,10}"
_US_PASSPORT = "[0-9]{9}|[A-Z][0-9]{8}"
_NEAR_PASSPORT = re.compile("(?i)护照|通行证|passport")


def _passport(value: str, before: str, after: str) -> tuple[int, int] | None:
    near = _NEAR_PASSPORT.search(before[-60:]) or _NEAR_PASSPORT.search(after[:20])
    return whole(value) if near and not called_order(before) else None


# Number plates: Chinese ones by shape, new-energy ones too (GA 36); those of the United States by cue.

_PROVINCE = "[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]"
_PLATE_CHARS = "[A-HJ-NP-Za-hj-np-z0-9]"
_US_PLATE_CUE = (
    "(?i:(?:license|licence|number|registration|car|vehicle)[ _]?plates?|plates?|tag[ ]number|license[ ]number of "
    "the car|(?:car|vehicle|auto)[ ]reg(?:istration)?|reg(?:istration)?[ ]plate"
    "|车牌(?:号码?|照)?)"
)


def _plate(value: str, before: str, after: str) -> tuple[int, int] | None:
    tail = re.sub("[ ·•.-]", "", value)[2:]
    enough = 1 if value.upper() == value else 3
    return whole(value) if len(digits(tail)) >= enough else None


def _us_plate(value: str, before: str, after: str) -> tuple[int, int] | None:
    plain = re.sub("[ -]", "", value)
    return whole(value) if 5 <= len(plain) <= 8 and not plain.isdigit() and digits(plain) else None


_NEAR_PLATE = re.compile(r"(?i)\breg(?:istration)?\b|plate|vehicle|\bcar\b|\bvan\b|车牌|号牌")


def _british(value: str, before: str, after: str) -> tuple[int, int] | None:
    """AB12 CDE, as given out since 2001, near a word for it."""
    return whole(value) if _NEAR_PLATE.search(before[-40:]) or _NEAR_PLATE.search(after[:20]) else None


# Days of birth: any way to write a day, behind its cue or right before it. Other dates stay.

_MONTH = (
    "(?i:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    "|nov(?:ember)?|dec(?:ember)?)[.]?"
)
_ORDINAL = "[0-3]?[0-9](?:st|nd|rd|th)?"
DAY = (
    "(?:(?:19|20)?[0-9]{2}[ ]?年[ ]?[01]?[0-9][ ]?月(?:[ ]?[0-3]?[0-9][ ]?[日号]?)?"
    "|(?:19|20)[0-9]{2}[-./][01]?[0-9][-./][0-3]?[0-9]"
    "|[0-3]?[0-9][-./][0-3]?[0-9][-./](?:(?:19|20)[0-9]{2}|[0-9]{2})"
    "|(?:19|20)[0-9]{2}[01][0-9][0-3][0-9]"
    f"|{_MONTH}[ ]{_ORDINAL},?[ ](?:19|20)[0-9]{{2}}|{_ORDINAL}(?:[ ]of)?[ ]{_MONTH},?[ ](?:19|20)[0-9]{{2}}"
    f"|[01]?[0-9]月[0-3]?[0-9][日号]?|{_MONTH}[ ]{_ORDINAL})"
)


def _born(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Not the date behind a birth whose own date stands before it (1965年3月出生，2025年退休)."""
    return None if re.search("\x00[ ]?出?生[的于]?[,，、 ]+$", before) else whole(value)


_NEAR_BIRTH = re.compile("(?i)birth|born|d[.]?o[.]?b\\b|生日|出生|诞辰")
_LATEST_BIRTH = 2015
_CLAUSE = re.compile("[.!?。！？\n\x00]")


def _near_birth(value: str, before: str, after: str) -> tuple[int, int] | None:
    """In the sentence that speaks of a birth, and so far back that nothing else happened there."""
    year = re.search("(?:19|20)[0-9]{2}", value)
    left, right = _CLAUSE.split(before)[-1][-40:], re.split("[0-9.!?。！？\n\x00]", after)[0][:40]
    near = _NEAR_BIRTH.search(left) or _NEAR_BIRTH.search(right)
    return whole(value) if near and year and int(year[0]) <= _LATEST_BIRTH else None


_FULL_DAY = DAY.rpartition("|[01]?[0-9]月")[0] + ")"
_BIRTH_CUE = (
    "(?i:生日|出生(?:年月日?|日期|时间|日)?|生于|诞辰|date[ _]?of[ _]?birth|d[.]?o[.]?b\\b[.]?|born"
    "|birth[ _-]?da(?:te|y))"
)
_BIRTH_LINK = (
    r"""(?:[ \t\n:=,，"'“”(（_-]|是|为|于|在|填的?|填错了|写的?|写成|错了|应该|登记|改成|登记的|的|上的"""
    r"""|is|was|on|to|'s|the|it's|should|be|in [A-Z][a-z]{1,15}(?:[ ][A-Z][a-z]{1,15})?|i|生日)*"""
)

_OLD = rf"(?i:{_OLD_CUE})"
_SSN_LINK = rf"{_SSN_CUE}(?i:{LINK}|安全|保障|卡|号|税号|我?填写?的?|写[的成]了?|on file|should|be|please|[?？/)）])*"
_SSN_BEHIND = rf"[ ]?(?:,?[ ]?(?:that|this|which)?[ ]?(?:is|as|for)|是|作为|,)?[ ]?(?:my|the|我的)?[ ]?{_SSN_CUE}"
_US_PLATE_LINK = rf"(?:^|[^A-Za-z]){_US_PLATE_CUE}(?i:{LINK}|#|on file|reads?|says|should be)*"
_BORN = rf"{_BIRTH_CUE}(?i:{_BIRTH_LINK})"
_BORN_BEHIND = "(?:出?生(?:$|[^0-9a-z日产效成])|(?:,|[ ](?:is|was)) (?:my|his|her|the) (?i:date of birth|birthday|dob))"
PATTERNS = (
    Pattern(
        CN_ID,
        rf"{FROM}([1-9][0-9]{{5}}[ -]?(?:18|19|20)[0-9]{{2}}[01][0-9][0-3][0-9][ -]?[0-9]{{3}}[0-9Xx])(?:$"
        rf"|[^0-9A-Za-z])",
        _identity,
    ),
    Pattern(SSN, rf"(?:^|[^0-9.-]|[^0-9][.])({_SSN}-[0-9]{{2}}-[0-9]{{4}})(?:$|[^0-9-]|-[^0-9])", _ssn),
    Pattern(PASSPORT, rf"{WORD_START}({_CN_PASSPORT}|{_US_PASSPORT}){WORD_END}", _passport),
    Pattern(
        PLATE,
        rf"({_PROVINCE}[ ]?[A-HJ-NP-Za-hj-np-z][ ·•.-]?(?:{_PLATE_CHARS}{{4}}(?:{_PLATE_CHARS}|[挂学警港澳])"
        rf"|[A-HJKa-hjk]{_PLATE_CHARS}[0-9]{{4}}|[0-9]{{5}}[A-HJKa-hjk]))(?:$|[^0-9A-Za-z])",
        _plate,
        f"{_PROVINCE}[ ]?[A-HJ-NP-Za-hj-np-z][ ·•.-]?{_PLATE_CHARS}{{4}}",
    ),
)
CUED = (
    Pattern(CN_ID, rf"{_OLD}([1-9][0-9]{{7}}[01][0-9][0-3][0-9]{{4}}){TO}", _old_identity, f"{_OLD}[1-9][0-9]{{14}}"),
    Pattern(
        SSN,
        rf"{_SSN_LINK}([0-9]{{3}}[ -]?[0-9]{{2}}[ -]?[0-9]{{4}}){TO}",
        None,
        rf"{_SSN_LINK}[0-9]{{3}}[ -]?[0-9]{{2}}",
    ),
    Pattern(SSN, rf"{FROM}({_SSN}(?:[0-9]{{6}}|[ ][0-9]{{2}}[ ][0-9]{{4}})){TO}", _near_ssn, _SSN_CUE),
    Pattern(SSN, rf"{FROM}({_SSN}[ -]?[0-9]{{2}}[ -]?[0-9]{{4}}){_SSN_BEHIND}", None, f"[0-9]{_SSN_BEHIND}"),
    Pattern(
        PLATE,
        rf"{_US_PLATE_LINK}([A-Z0-9]{{1,4}}[ -]?[A-Z0-9]{{1,5}}){WORD_END}",
        _us_plate,
        f"{_US_PLATE_LINK}[A-Z0-9]",
    ),
    Pattern(PLATE, r"(?:^|[^A-Za-z0-9])([A-Z]{2}[0-9]{2}[ ]?[A-Z]{3})(?:$|[^A-Za-z0-9])", _british),
    Pattern(BIRTH_DATE, rf"{FROM}({_FULL_DAY}){_BORN_BEHIND}", None, rf"[0-9日号月]{_BORN_BEHIND}"),
    Pattern(
        BIRTH_DATE,
        rf"{FROM}([01]?[0-9]月[0-3]?[0-9][日号]?)(?:出生(?:$|[^0-9a-z证])|生的|生人)",
        None,
        "[0-9日号月](?:出生|生的|生人)",
    ),
    Pattern(BIRTH_DATE, rf"{_BORN}({DAY})(?:$|[^0-9])", _born, rf"{_BORN}(?:[0-9]|{_MONTH}[ ][0-9])"),
    Pattern(
        BIRTH_DATE,
        rf"{FROM}({_FULL_DAY})(?:$|[^0-9])",
        _near_birth,
        "(?i:birth|born|d[.]?o[.]?b[^a-z]|生日|出生|诞辰)",
    ),
)
