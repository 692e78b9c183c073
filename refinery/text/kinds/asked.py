"""What an answer holds where the question is the cue: "May I have your PIN?" - "4821".

asks("您的姓名和电话？")  -> the bits for NAME and PHONE
Pattern(NAME, …) finds 张伟 in "张伟，13812345678" for whoever has the bit
"""

import re
from typing import Final

import re2

from refinery.text.kinds import papers
from refinery.text.kinds.han_names import HAN_NAME, i_am
from refinery.text.kinds.latin_names import WORDS, latin_end
from refinery.text.kinds.name_words import GIVEN
from refinery.text.kinds.shape import ACCOUNT, BIRTH_DATE, NAME, PHONE, PIN, TO, Pattern, quantity, whole

_CUES: Final = {
    NAME: "(?:your|full|first|last|legal)(?:[ ](?:and|&)[ ]last|[ ]full|[ ]first)?[ ]names?"
    "|who am i (?:speak|talk)ing|the name\\b[^.]{0,40}under|name,?[ ]please|\\bnames?\\?"
    "|姓名|名字|贵姓|怎么称呼|如何称呼",
    PIN: r"\bpin\b|(?:verification|security)[ ]code|\bcvv|one-time|passcode"
    "|验证码|密码|安全码|校验码",
    ACCOUNT: r"account|member(?:ship)?[ ](?:number|id)|card[ ]number|[账帐][号户]|卡号|会员号|户号|客户号",
    BIRTH_DATE: r"birth|\bdob\b|\bborn\b|出生|生日",
    PHONE: "phone|contact[ ]number|callback|mobile|cell|电话|手机|联系方式|号码",
}
KINDS: Final = tuple(_CUES)
_REQUEST: Final = (
    "[?？]|please|provide|could|may i|can i|what|tell me|give me|i(?:['’]ll| will)? need|confirm|verify"
    "|请|提供|告诉|告知|多少|什么|麻烦|报一下|说一下"
)
QUESTION: Final = (
    "(?i:name|pin\\b|code|cvv|one-time|account|member|card|birth|dob|born|phone|contact|callback|mobile|cell"
    + (
        "|姓名|名字|贵姓|称呼|验证码|密码|安全码|校验码|账|帐|卡号|会员号|户号|客户号|出生|生日|电话|手机|联系方式|号码)"
    )
)
"""What a text holds that asks for any of these."""
_SHORT: Final = 60
"""Characters of an answer in which a bare number or day is what was asked for; who writes more tells a story."""


def _cues() -> re2.Set:
    found = re2.Set.SearchSet()
    for cue in (*_CUES.values(), _REQUEST):
        found.Add(f"(?i){cue}")
    found.Compile()
    return found


_ASKS = _cues()


def asks(text: str) -> int:
    """A bit for each of KINDS that the text asks somebody to tell."""
    found = _ASKS.Match(text) or ()
    return sum(1 << index for index in found if index < len(KINDS)) if len(KINDS) in found else 0


_OPENING = (
    r"(?i:(?:(?:yes|yeah|yep|sure|ok|okay|of course|certainly|hi|hello|thanks|thank you|it is|it['’;]?s"
    r"|that['’]?s|this is|i['’]?m|i am|my name is"
    r"|name is|and)[ ,.!:;-]*){0,4})"
)
_ANSWER = re.compile(r"[ ]*(?:$|[.,;:!?()\d-]|and my|is my|here)", re.IGNORECASE)


def _name(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Two capitalised words, or one alone; in small letters, nothing else."""
    end, rest = latin_end(value), value + after
    if end > 1 and _ANSWER.match(rest[end:]):
        alone = not rest[end:].strip(" .!")
        first = value[:end].split(" ", 1)[0].strip(".").casefold()
        return (0, end) if " " in value[:end] or alone or first in GIVEN else None
    end = latin_end(value, lower=True)
    known = end and value[:end].split(" ", 1)[0].casefold() in GIVEN
    return (0, end) if known and not rest[end:].strip(" .!") else None


def _number(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Not a quantity, and not a hotline: 10086, 95588."""
    hotline = re.fullmatch("1[0-9]{4}|9[56][0-9]{3}|400[0-9]{7}", value)
    return None if quantity(after) or hotline or len(before + value + after) > _SHORT else whole(value)


def _day(value: str, before: str, after: str) -> tuple[int, int] | None:
    """In a longer answer only a year in which most people who talk were born."""
    year = re.search("(?:19[0-9]{2}|20(?:0[0-9]|10))(?![0-9])", value)
    return whole(value) if year or len(before + value + after) <= _SHORT // 2 else None


_ALONE = "(?:^|[^0-9A-Za-z.,:/$€£¥￥#-])"
PATTERNS: Final = (
    Pattern(NAME, rf"^[^0-9A-Za-z㐀-鿿\x00]{{0,3}}{_OPENING}({WORDS})", _name),
    Pattern(NAME, rf"^(?:我叫|我是|叫|姓名|是|嗯+|好的?|你好|您好|可以|[ ,，。:：!！])*({HAN_NAME})", i_am),
    Pattern(BIRTH_DATE, rf"{_ALONE}({papers.DAY}){TO}", _day),
    Pattern(PHONE, rf"{_ALONE}([0-9]{{7,12}}|[0-9]{{3,4}}[ -][0-9]{{4}}){TO}", _number),
    Pattern(PIN, rf"{_ALONE}([0-9]{{3,6}}){TO}", _number),
    Pattern(ACCOUNT, rf"{_ALONE}([0-9](?:[ -]?[0-9]){{4,18}}){TO}", _number),
    Pattern(PIN, rf"{_ALONE}([0-9]{{7,8}}){TO}", _number),
)
"""In the order in which they look: of two numbers the longer is the account, the shorter the PIN."""
