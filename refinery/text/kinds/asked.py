"""What an answer holds where the question is the cue: "May I have your PIN?" - "4821".

asks("您的姓名和电话？")  -> the bits for NAME and PHONE
Pattern(NAME, …) finds 张伟 in "张伟，13812345678" for whoever has the bit
"""

import re
from typing import Final

from refinery.text.kinds import names, papers
from refinery.text.kinds.name_words import GIVEN
from refinery.text.kinds.shape import ACCOUNT, BIRTH_DATE, NAME, PHONE, PIN, TO, Pattern, quantity, whole

_CUES: Final = {
    NAME: "(?:your|full|first|last|legal)(?:[ ](?:and|&)[ ]last|[ ]full|[ ]first)?[ ]names?"
    "|who am i (?:speak|talk)ing|the name\\b[^.]{0,40}under|name,?[ ]please|\\bnames?\\?"
    "|姓名|名字|贵姓|怎么称呼|如何称呼",
    PIN: r"\bpin\b|(?:verification|security|confirmation)[ ]code|\bcvv|one-time|passcode|\bcode\b"
    "|验证码|密码|安全码|校验码",
    ACCOUNT: r"account|member(?:ship)?[ ](?:number|id)|card[ ]number|[账帐][号户]|卡号|会员号|户号|客户号",
    BIRTH_DATE: r"birth|\bdob\b|\bborn\b|出生|生日",
    PHONE: "phone|contact[ ]number|callback|mobile|cell|电话|手机|联系方式|号码",
}
KINDS: Final = tuple(_CUES)
_COMPILED = [re.compile(cue, re.IGNORECASE) for cue in _CUES.values()]
_REQUEST = re.compile(
    r"(?i)[?？]|please|provide|could|may i|can i|what|tell me|give me|i(?:'ll|’ll| will)? need|confirm|verify|请"
    r"|提供|告诉|告知|多少|什么|麻烦|报一下|说一下"
)
QUESTION: Final = (
    "(?i:name|pin\\b|code|cvv|one-time|account|member|card|birth|dob|born|phone|contact|callback|mobile|cell"
    + (
        "|姓名|名字|贵姓|称呼|验证码|密码|安全码|校验码|账|帐|卡号|会员号|户号|客户号|出生|生日|电话|手机|联系方式|号码)"
    )
)
"""What a text holds that asks for any of these."""
_MAX_ANSWER: Final = 200
"""Characters; who writes more tells a story, in which a bare number may be anything."""


def asks(text: str) -> int:
    """A bit for each of KINDS that the text asks somebody to tell."""
    if not _REQUEST.search(text):
        return 0
    return sum(1 << bit for bit, cue in enumerate(_COMPILED) if cue.search(text))


_OPENING = (
    r"(?i:(?:(?:yes|yeah|yep|sure|ok|okay|of course|certainly|hi|hello|thanks|thank you|it is|it['’;]?s"
    r"|that['’]?s|this is|i['’]?m|i am|my name is"
    r"|name is|and)[ ,.!:;-]*){0,4})"
)
_ANSWER = re.compile(r"[ ]*(?:$|[.,;:!?()\d-]|and my|is my|here)", re.IGNORECASE)


def _name(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Two capitalised words, or one alone; in small letters, nothing else."""
    end, rest = names.latin_end(value), value + after
    if end > 1 and _ANSWER.match(rest[end:]):
        alone = not rest[end:].strip(" .!")
        first = value[:end].split(" ", 1)[0].strip(".").casefold()
        return (0, end) if " " in value[:end] or alone or first in GIVEN else None
    end = names.latin_end(value, lower=True)
    known = end and value[:end].split(" ", 1)[0].casefold() in GIVEN
    return (0, end) if known and not rest[end:].strip(" .!") else None


def _number(value: str, before: str, after: str) -> tuple[int, int] | None:
    return None if quantity(after) or len(before) + len(after) > _MAX_ANSWER else whole(value)


_ALONE = "(?:^|[^0-9A-Za-z.,:/$€£¥￥#-])"
PATTERNS: Final = (
    Pattern(NAME, rf"^[^0-9A-Za-z㐀-鿿\x00]{{0,3}}{_OPENING}({names.WORDS})", _name),
    Pattern(NAME, rf"^(?:我叫|我是|叫|姓名|是|嗯+|好的?|你好|您好|可以|[ ,，。:：!！])*({names.HAN_NAME})", names.i_am),
    Pattern(BIRTH_DATE, rf"{_ALONE}({papers.DAY}){TO}"),
    Pattern(PHONE, rf"{_ALONE}([0-9]{{7,12}}|[0-9]{{3,4}}[ -][0-9]{{4}}){TO}", _number),
    Pattern(ACCOUNT, rf"{_ALONE}([0-9](?:[ -]?[0-9]){{4,18}}){TO}", _number),
    Pattern(PIN, rf"{_ALONE}([0-9]{{3,8}}){TO}", _number),
)
