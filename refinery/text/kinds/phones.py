"""Telephone numbers: Chinese mobiles and landlines, United States, any country with its +, and what is called a phone.

Masked on purpose: a mobile number even where it is called an order number. Left on purpose: hotlines (400, 1-800),
digits behind a decimal point, bare ten-digit numbers that nothing calls a phone.
"""

import re

import phonenumbers

from refinery.text.kinds.shape import FROM, GAP, LOOSE, PHONE, TO, Pattern, called_order, digits, quantity, whole

_ITEM = "(?:^|[^0-9.+]|(?:^|[^0-9])[1-9]?[.])"  # behind "1." too: an item of a list
_LINK = r"""[\s:=#"'(\[：＝“”「」_.-]|number|num|no|is|was|编|号|码|为|是"""
_CUE = (
    "(?:(?:^|[^A-Za-z])(?:(?:tele|cell|mobile|home|work|contact|office)?[ ]?phone|(?:contact|mobile|cell|my|callback)"
    "[ ]number|whatsapp|mobile|tel|cell|fax|call[ ]|text[ ]|dial[ ]|ring[ ]|reach[ ])"
    f"|(?-i:[a-z]Phone)|电话|手机|致电|拨打|座机|固话|传真|联系方式)(?:{_LINK}|at|on[ ](?:the|my)[ ](?:account"
    f"|file)|on|me|us)*"
)
_AREA = "0(?:10|2[0-9]|[3-9][0-9]{2})"
_US_TAIL = "[0-9]{3}[ .-]?[0-9]{4}"
_HAN_DIGITS = "零〇○一幺二两三四五六七八九"
_TO_DIGITS = str.maketrans(_HAN_DIGITS, "000112234567 89".replace(" ", ""))


def _landline(value: str, before: str, after: str) -> tuple[int, int] | None:
    if value.isdigit() and (_WORD.search(before[-1:]) or _WORD.match(after)):
        return None
    bare = value.isdigit() and value[0] == "0" and not value.startswith("00") and not re.match("01[3-9]", value)
    return None if bare and (called_order(before) or _IS_ACCOUNT.search(before)) else whole(value)


_IS_ACCOUNT = re.compile(
    r"(?i)(?:[账帐][号户]|户号|客户号|会员号|卡号|account|acct|member(?:ship)?|customer|flyer|loyalty)"
    r"""(?:[\s:=#"'(：“_.-]|number|num|no|id|is|was|号|码|为|是)*$"""
)
"""A number in one piece right behind this is an account, whatever area its first digits would be."""
_WORD = re.compile("[A-Za-z_]")
_GLUED = re.compile("(?:^|[^A-Za-z])(?!(?:TEL|PHONE|CELL|MOBILE|CALL|V|VX|WX|QQ|IP)$)[A-Z]{1,12}$")
"""Capitals right before a number in one piece: an order (MT0738…), unless they call it a telephone."""
_MONEY = re.compile("[ ]?(?:元|分[^机]|分$|块|USD|RMB|CNY)")


def _mobile(value: str, before: str, after: str) -> tuple[int, int] | None:
    if value[:1] == "0" and value.isdigit() and (called_order(before) or _IS_ACCOUNT.search(before)):
        return None
    no_phone = value.isdigit() and (_GLUED.search(before) or _MONEY.match(after) or _WORD.match(after))
    return None if no_phone else whole(value)


def _free(value: str, before: str, after: str) -> tuple[int, int] | None:
    number = digits(value)
    hotline = (number.startswith("400") and len(number) == 10) or _TOLL_FREE.fullmatch(number)
    return None if hotline else whole(value)


_TOLL_FREE = re.compile("18(?:00|33|44|55|66|77|88)[0-9]{7}")


def _called(value: str, before: str, after: str) -> tuple[int, int] | None:
    return None if quantity(after) else _landline(value, before, after) and _free(value, before, after)


def _abroad(value: str, before: str, after: str) -> tuple[int, int] | None:
    if re.match("[+]86|0086", value) or (value[0] == "0" and (called_order(before) or _IS_ACCOUNT.search(before))):
        return None
    return whole(value) if _parsed(value) else None


def _parsed(value: str) -> phonenumbers.PhoneNumber | None:
    """A number with + or 00 that some country's plan holds possible."""
    try:
        number = phonenumbers.parse("+" + digits(value).removeprefix("00"), None)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None


PATTERNS = (
    Pattern(PHONE, rf"{LOOSE}((?:[+]|00)[2-9][0-9]{{0,2}}(?:[ -]?[0-9]){{7,12}})(?:$|[^0-9-]|-[^0-9])", _abroad),
    Pattern(  # mobile, China: 3-4-4, 3-3-5, 4-3-4, 4-4-3 or in one piece
        PHONE,
        rf"{_ITEM}((?:[(]?(?:[+]|00)?86[)]?{GAP}|0)?1[3-9][0-9](?:{GAP}[0-9]{{4}}{GAP}[0-9]{{4}}"
        rf"|[ -][0-9]{{3}}[ -][0-9]{{5}}|[0-9][ -][0-9]{{3}}[ -][0-9]{{4}}|[0-9][ -][0-9]{{4}}[ -][0-9]{{3}})){TO}",
        _mobile,
    ),
    Pattern(  # landline, China
        PHONE,
        rf"{LOOSE}((?:(?:[+]|00)?86[ -])?(?:[(]{_AREA}[)]|{_AREA}){GAP}[2-9][0-9]{{2,3}}[ -]?[0-9]{{4}}){TO}",
        _landline,
    ),
    Pattern(PHONE, rf"{FROM}((?:[+]|00)86{GAP}[(]?0?[1-9][0-9]{{1,2}}[)]?{GAP}[2-9][0-9]{{2,3}}[ -]?[0-9]{{4}}){TO}"),
    Pattern(  # United States
        PHONE,
        rf"{LOOSE}((?:[+]?1[ .-]?)?(?:[(][2-9][0-9]{{2}}[)][ .-]?{_US_TAIL}"
        rf"|[2-9][0-9]{{2}}[ .-][0-9]{{3}}[ .-][0-9]{{4}})){TO}",
        _free,
    ),
    Pattern(PHONE, rf"{FROM}([+]1[ .-]?(?:[(][2-9][0-9]{{2}}[)]|[2-9][0-9]{{2}})[ .-]?{_US_TAIL}){TO}"),
    Pattern(  # spoken, as a transcript writes it
        PHONE,
        f"(?:^|[^{_HAN_DIGITS}十百千万])([一幺][三四五六七八九][{_HAN_DIGITS}]{{9}})(?:$|[^{_HAN_DIGITS}十百千万])",
    ),
)
CUED = (
    Pattern(
        PHONE,
        rf"(?i){_CUE}([0-9]{{7,12}}|[0-9]{{3,4}}[ -][0-9]{{4}}){TO}",
        _called,
        rf"(?i){_CUE}[0-9]{{3,4}}[ -]?[0-9]{{3}}",
    ),
)


def normalised(plain: str) -> str:
    """What two ways to write one number have in common: its digits without 86 or +1."""
    plain = plain.translate(_TO_DIGITS)
    number = digits(plain)
    if match := re.fullmatch("(?:00)?86(1[3-9][0-9]{9}|[0-9]{9,11})", number):
        return match[1] if match[1][0] == "0" or re.fullmatch("1[3-9][0-9]{9}", match[1]) else "0" + match[1]
    if re.fullmatch("01[3-9][0-9]{9}", number):
        return number[1:]
    if len(number) == 11 and re.match(r"[+]1|1[ .(-]", plain):
        return number[1:]
    if plain.startswith(("+", "00")) and (parsed := _parsed(plain)):
        return f"+{parsed.country_code}{parsed.national_number}"
    return number
