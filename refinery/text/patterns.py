r"""The patterns of personal data in Chinese and English text.

Each compiles in RE2, so none takes more than linear time, and none uses look-around or `\b` (digits stand glued to
Chinese characters). Group 1 is the value; what must stand left and right of it is matched too. What a pattern cannot
say (checksums, what a number is called) `refinery.text.personal` checks in code.
"""

from refinery.text.folding import ZERO_WIDTH

_DIGIT = "[0-9０-９]"
_BETWEEN = f"[-. ()\t\u00a0\u2002-\u2015\u202f\u2212\u3000．（）－{ZERO_WIDTH}]"
CANDIDATE = f"[@＠]|{_DIGIT}(?:{_BETWEEN}{{0,8}}{_DIGIT}){{6}}"
"""Anything without an @ and without seven digits close together holds no personal data that `spans` knows."""

_GAP = "[ .-]{0,3}"
_FROM, _TO = "(?:^|[^0-9])", "(?:$|[^0-9])"
_LOOSE = "(?:^|[^0-9.-]|[^0-9][.-])"  # not a fraction, not a further part of a longer number
_ITEM = "(?:^|[^0-9.+]|(?:^|[^0-9])[1-9]?[.])"  # behind "1." too: an item of a list
_NO_WORD = "(?:^|[^0-9A-Za-z_.]|[^0-9][.])"
_LINK = r"""[\s:=#"'(\[：＝“”「」_.-]|number|num|no|is|was|编|号|码|为|是"""
_PHONE_CUE = (
    "(?:(?:^|[^A-Za-z])(?:(?:tele|cell|mobile|home|work|contact)?phone|whatsapp|mobile|tel|cell|call )"
    f"|(?-i:[a-z]Phone)|电话|手机|致电|拨打|座机|联系方式)(?:{_LINK}|at|on|me|us)*"
)
ORDER_CUE = (
    "(?i)(?:order|tracking|waybill|shipment|parcel|invoice|transaction|reference|receipt"
    f"|订单|单号|运单|快递|物流|流水|交易|发票)(?:{_LINK}|id|s)*$"
)
"""A bare number right behind this is an order, not a card or a landline."""
_AREA = "0(?:10|2[0-9]|[3-9][0-9]{2})"
_US_TAIL = "[0-9]{3}[ .-]?[0-9]{4}"

PATTERNS: dict[str, tuple[str, ...]] = {
    "EMAIL": (r"([A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:[.][A-Za-z0-9-]{1,63}){0,6}[.][A-Za-z]{2,24})",),
    "CN_ID": (
        rf"{_FROM}([1-9][0-9]{{5}}[ -]?(?:18|19|20)[0-9]{{2}}[01][0-9][0-3][0-9][ -]?[0-9]{{3}}[0-9Xx])"
        "(?:$|[^0-9A-Za-z])",
    ),
    "CARD": (
        rf"{_NO_WORD}([0-9]{{13,19}}){_TO}",
        rf"{_NO_WORD}([0-9]{{4}}(?:[ -][0-9]{{4}}){{3}}[ -][0-9]{{1,3}}){_TO}",
        rf"{_NO_WORD}([0-9]{{4}}(?:[ -][0-9]{{4}}){{2}}[ -][0-9]{{1,4}}){_TO}",
        rf"{_NO_WORD}([0-9]{{4}}[ -][0-9]{{6}}[ -][0-9]{{4,5}}|[0-9]{{6}}[ -][0-9]{{13}}){_TO}",
    ),
    "PHONE": (
        # mobile, China: 3-4-4, 3-3-5, 4-3-4, 4-4-3 or in one piece
        rf"{_ITEM}((?:[(]?(?:[+]|00)?86[)]?{_GAP}|0)?1[3-9][0-9](?:{_GAP}[0-9]{{4}}{_GAP}[0-9]{{4}}"
        rf"|[ -][0-9]{{3}}[ -][0-9]{{5}}|[0-9][ -][0-9]{{3}}[ -][0-9]{{4}}|[0-9][ -][0-9]{{4}}[ -][0-9]{{3}})){_TO}",
        # landline, China
        rf"{_LOOSE}((?:(?:[+]|00)?86[ -])?(?:[(]{_AREA}[)]|{_AREA}){_GAP}[2-9][0-9]{{2,3}}[ -]?[0-9]{{4}}){_TO}",
        rf"{_FROM}((?:[+]|00)86{_GAP}[(]?0?[1-9][0-9]{{1,2}}[)]?{_GAP}[2-9][0-9]{{2,3}}[ -]?[0-9]{{4}}){_TO}",
        # United States
        rf"{_LOOSE}((?:[+]?1[ .-]?)?(?:[(][2-9][0-9]{{2}}[)][ .-]?{_US_TAIL}"
        rf"|[2-9][0-9]{{2}}[ .-][0-9]{{3}}[ .-][0-9]{{4}})){_TO}",
        rf"{_FROM}([+]1[ .-]?[2-9][0-9]{{2}}[ .-]?{_US_TAIL}){_TO}",
        # any other country, with its +
        rf"{_FROM}([+][2-9][0-9]{{0,2}}(?:[ -]?[0-9]){{8,11}}?){_TO}",
        # called a phone
        rf"(?i){_PHONE_CUE}([0-9]{{7,12}}|[0-9]{{3,4}}[ -][0-9]{{4}}){_TO}",
    ),
}
"""Kind -> patterns, the most specific kind first: what one has taken, the next does not see."""
