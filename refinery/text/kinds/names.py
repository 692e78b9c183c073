"""Names of people behind their cue, Chinese and English: 我叫张伟, 李女士, my name is Ann Lee, Mr. Smith.

    我叫张伟我要退货 -> 张伟        李女士您好 -> 李女士        张伟先生 -> 张伟

A surname alone goes with its title, a full name without. What no cue names is not found here; names that signals and
tool calls know are looked for by `refinery.text.placeholders`.
"""

import re

from refinery.text.kinds.name_words import COMPOUND, GIVEN, NO_NAMES, NO_PERSON, NOT_GIVEN, SURNAMES
from refinery.text.kinds.shape import HAN, NAME, Pattern, whole

TITLES = ("先生", "女士", "小姐", "太太", "夫人")
_TITLE = "(?:" + "|".join(TITLES) + ")"
_ENDS = frozenset(
    (
        "电话 手机 身份 地址 邮箱 微信 账号 帐号 账户 生日 订单 性别 年龄 住址 号码 收件 收货 联系 证件 护照 车牌 "
        "银行 卡号 单号 你好 您好 先生 女士 小姐 "
        "要求 需要 申请 投诉 昨天 今天 明天 之前 刚才 麻烦 因为 已经 同意 确认 预约 现在 来电 来了 来问 发货 发票 "
        "发来 发了 定的 定了 前天 先帮 先把 想问 请问 户口 出生"
    ).split()
)
"""Words that may stand glued to the end of a name."""
_PLACES = "人市区县省州村版机号卡店路街港站台岛"
_UNTITLED = frozenset("和于单全从应成连平时向有相干国司师明安方常")
"""Surnames that are common words: with a title they count at the beginning of a clause only."""

_FIELD = (
    "(?:名字|姓名|实名(?:信息)?|称呼|收[件货]人|联系人|寄件人|发件人|机主|户主|户名|开户[名人]|持卡人"
    "|乘[客机车]人?|旅客|入住人|住客|预[订定]人|订票人|投保人"
    "|被?保险?人|受益人|车主|患者|病人|本人|客户|会员|用户)(?:姓名|名字|名称)?"
)
_HAN_LINK = r"""[\s:=“"'（(]*(?:是|为|叫做?|写的?是?|填的?是?)?[\s:“"'（(]*"""
HAN_NAME = r"[㐀-鿿]{2,5}(?:·[㐀-鿿]{1,8}){0,3}"
_STRONG = re.compile(r"(?:叫做?|[:=\"“'（(]|是|为|写|填|姓名|名字|收[件货]人|户名|开户名|寄件人|信息)\s*$")
_FORM = re.compile(r"[:=][\s\"“'（(]*$")


def _han_end(value: str) -> int:
    """Where the name ends that the characters begin with; 0 where they begin with none."""
    if "·" in value:
        return len(value)
    surname = 2 if value[:2] in COMPOUND else 1 if value[0] in SURNAMES else 0
    if not surname or value[:2] in NO_NAMES:
        return 0
    end = surname
    while end < min(len(value), surname + 2) and value[end] not in NOT_GIVEN and value[end : end + 2] not in _ENDS:
        end += 1
    return end if end > surname else 0


def _bounded(rest: str) -> bool:
    """Whether a name may end before these characters."""
    return not rest or not _is_han(rest[0]) or rest[:2] in _ENDS or rest[0] in "吗吧啊呀哦，"


def _is_han(char: str) -> bool:
    return "\u3400" <= char <= "\u9fff"


def _field(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Behind 我叫 or 姓名: where nothing links the two (乘客张伟), the name must end where the word ends."""
    end, rest = _han_end(value), value + after
    if not end and _FORM.search(before) and 2 <= len(value) <= 4 and _bounded(after):
        return None if any(c in NOT_GIVEN for c in value) or value[:2] in _NOBODY else whole(value)
    if not end or (not _STRONG.search(before) and not _bounded(rest[end:])):
        return None
    return 0, end


_NOBODY = frozenset(
    "本人 测试 匿名 保密 未知 同上 先生 女士 客户 用户 顾客 会员 无名 默认 自己 家人 朋友 同事 公司 前台 管理".split()
)


def i_am(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Behind 我是: a whole word, and not where one is from."""
    end, rest = _han_end(value), value + after
    if not end or not _bounded(rest[end:]) or value[end - 1] in _PLACES:
        return None
    return 0, end


def _titled(value: str, before: str, after: str) -> tuple[int, int] | None:
    """The name before a title; a surname alone takes the title with it."""
    end = len(value) - 2
    if value.endswith("小姐") and after.startswith("姐"):
        return None
    for start in range(max(0, end - 4), end):
        if (found := _han_end(value[start:end])) and start + found == end:
            return start, end
    for size in (2, 1):
        surname = value[max(0, end - size) : end]
        if surname in COMPOUND or (size == 1 and surname in SURNAMES and _begins(surname, value[: end - 1], before)):
            return end - size, len(value)
    return None


def _begins(surname: str, left: str, before: str) -> bool:
    beside = (before + left)[-1:]
    return surname not in _UNTITLED or not _is_han(beside or " ") or beside in "的找是叫给跟让请问为位好"


def _surname(value: str, before: str, after: str) -> tuple[int, int] | None:
    if value[:2] in COMPOUND:
        return 0, 2
    return (0, 1) if value[0] in SURNAMES and (value[1:] or after)[:1] != "名" else None


# Names in Latin letters: words up to the first that no name holds.

_WORD = r"[A-Za-z\x{c0}-\x{24f}][A-Za-z\x{c0}-\x{24f}'’.-]{0,30}"
WORDS = rf"{_WORD}(?:[ ]{_WORD}){{0,4}}"
_PARTICLES = frozenset("van von der den de la del di da bin ibn al el dos du le y st".split())
_NOUNS = frozenset("customer client member guest user buyer patient passenger student fan card account order".split())
_PLAIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f'’-]+")


def latin_end(value: str, lower: bool = False) -> int:
    """Where the name ends that the words begin with; 0 where they begin with none. `lower`: small letters too."""
    end = position = 0
    small = False
    words = value.split(" ")
    for number, word in enumerate(words):
        bare = word.strip(".'’-")
        initial = bool(number) and len(bare) == 1 and bare.isupper()
        if (
            not bare
            or not _PLAIN_WORD.fullmatch(bare)
            or (not initial and bare.casefold().replace("’", "'") in NO_PERSON)
        ):
            break
        particle = bare in _PARTICLES and number + 1 < len(words) and words[number + 1][:1].isupper()
        if number and not small and not bare[0].isupper() and not particle:
            break
        if not number and not bare[0].isupper() and not particle:
            if not lower:
                break
            small = True
        if small and number >= 2:
            break
        end = position + len(word.rstrip("'’-") if len(bare) == 1 else word.rstrip(".'’-"))
        if word.endswith(".") and len(bare) > 2:
            break
        position += len(word) + 1
    return end


def _goes_on(value: str, end: int, after: str) -> bool:
    """Whether a number or a further word of a product's name follows."""
    return bool(re.match(r"[ -]?[0-9]", (value + after)[end:]))


def _labelled(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Behind `my name is` or `last name:`."""
    end = latin_end(value, lower=True)
    return (0, end) if end > 1 and not _goes_on(value, end, after) else None


def _given(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Behind a weak cue: a name that begins with a given name, or with an initial before one."""
    end = latin_end(value)
    return (0, end) if end > 1 and value.split(" ", 1)[0].strip(".").casefold() in GIVEN else None


def _two(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Behind a mere preposition: a given name and another one."""
    found = _given(value, before, after)
    return found if found and " " in value[: found[1]] and not _goes_on(value, found[1], after) else None


_OF_A_PERSON = re.compile(
    r"(?i)[\"'](?:[a-z_]*phone|mobile|tel|e?_?mail|passport|id_?card|ssn|dob|birth|gender|sex|age|电话|手机"
    r"|身份证|护照|性别)"
)


def _quoted(value: str, before: str, after: str) -> tuple[int, int] | None:
    """The value of a key `name`: of a person if it begins with a given name, or if keys beside it are a person's."""
    if found := None if _is_han(value[0]) else _given(value, before, after):
        return found
    end = _han_end(value) if _is_han(value[0]) else latin_end(value)
    whole_value = end == len(value) and after[:1] in ('"', "'", "\\")
    return (0, end) if whole_value and _OF_A_PERSON.search(before[-120:] + after) else None


def _plain_form(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Behind `Name:`, where products have names too: in quotes, or alone, it must begin with a given name."""
    end = latin_end(value)
    if end > 1 and " " in value[:end] and not re.search("[\"'{]", before[-4:]) and not _goes_on(value, end, after):
        return 0, end
    return _given(value, before, after)


def _person(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Behind `recipient:` or `under the name of`: any capitalised words, one alone only if it is a given name."""
    end = latin_end(value)
    if end > 1 and " " in value[:end] and not _goes_on(value, end, after):
        return 0, end
    return _given(value, before, after)


def _self(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Behind `I'm` and `this is`: a given name, two capitalised words, or what `speaking` follows."""
    follows = re.search(r"[ ](?:speaking|calling|here|from|again)\b", value + after[:12])
    if follows:
        end = latin_end(value[: follows.start()], lower=follows[0] in (" speaking", " calling"))
        if end > 1 and end == len(value[: follows.start()].rstrip(".")):
            return 0, end
    end = latin_end(value)
    words = value[:end].split(" ")
    if re.search("(?i)i(?:['’]| a)?m ?$", before) and len(words) > 1 and words[-1].casefold() not in _NOUNS:
        return 0, end
    return _given(value, before, after)


def _small_self(value: str, before: str, after: str) -> tuple[int, int] | None:
    return whole(value) if latin_end(value, lower=True) == len(value) else None


def _speaking(value: str, before: str, after: str) -> tuple[int, int] | None:
    end = latin_end(value)
    named = after.startswith(" speaking") or _given(value, before, "")
    return (0, end) if end == len(value) > 1 and not value.endswith("ly") and named else None


def _mister(value: str, before: str, after: str) -> tuple[int, int] | None:
    end = latin_end(value)
    return (0, end) if end > 1 else None


_LABELS = (
    "full|first|last|middle|given|family|customer|passenger|recipient|card[ ]?holder|account[ ]holder|guest"
    "|patient|contact"
    "|client|member|buyer|sender|user|legal|maiden|real|nick|owner|renter|driver"
)
_SEPARATOR = r"[\s:=,(-]*"
_LETTER = r"[A-Za-z\x{c0}-\x{24f}]"
_CAPITAL = r"[A-Z\x{c0}-\x{de}]"
_CAPITALISED = rf"{_CAPITAL}{WORDS.removeprefix(_LETTER)}"
_SURNAME = f"[{''.join(sorted(SURNAMES | {name[0] for name in COMPOUND}))}]"
_HAN_CUES = rf"(?:我(?:的名字)?叫做?|名叫|{_FIELD}叫做?|老[公婆]叫|[爸妈]叫|[子女友]叫|{_FIELD}{_HAN_LINK})"
_AM = r"(?:(?:我|您|你|这)(?:就)?是|(?:转账?|汇款?|打款|寄|送|交)给)[ ]?"
_EN_AM = "(?i:name(?:['’]s|[ ]is|[ ]?:)|recipient|passenger|holder)[ :]*"
_LATIN_CUES = rf"(?:我叫|名字?叫做?|英文名(?:是|为|叫)?|{_FIELD}){_HAN_LINK}"
_NAME_IS = (
    r"(?i:name(?:['’]s|[ ]is|[ ]was|[ ]would[ ]be|(?:[ ][a-z]+){0,3},?[ ](?:it[ ])?should[ ]be)"
    r"|name[ ]on[ ](?:the|my)[ ][a-z]+[ ]is"
    r"|(?:under|in|to|by)[ ]the[ ]name(?:[ ]of)?)[\s:,\"'“]+"
)
_LABEL = rf"(?i:(?:{_LABELS})[ _-]?(?:and[ ]last[ ])?name|surname){_SEPARATOR}(?i:(?:is|was|it's){_SEPARATOR})?"
_FORM_CUE = r"(?:^|[^A-Za-z_ ]|[^a-z] )(?i:name)[ ]?[:=][ ]?"
_QUOTED_CUE = r"(?:^|[^A-Za-z_])(?i:name)[\"']\s*:\s*[\"']"
_PERSON_CUE = (
    r"(?:^|[^A-Za-z])(?i:recipient|passenger|card[ ]?holder|account[ _]?holder|ship[ ]to|send[ ](?:it|this)[ ]to"
    r"|deliver[ ]to|attn|attention"
    r"|contact|customer|guest|patient|registered[ ]to|on[ ]behalf[ ]of|(?:speak|spoke|speaking|talk"
    r"|talking)[ ](?:with|to)|call[ ]me)"
    r"[\s:=,\"'“(-]+(?i:is[ ])?(?i:(?:mr|mrs|ms|dr)[.]?[ ])?"
)
_SELF_CUE = r"(?:^|[^A-Za-z])(?i:this[ ]is|it[ ]is|it['’]?s|i['’]?m|i[ ]am)[ ]"
_KIN_CUE = (
    r"(?i:(?:my|his|her|our|their)[ ](?:daughter|son|wife|husband|brother|sister|mother|father|mom|mum|dad|friend"
    r"|boss|partner"
    r"|colleague|girlfriend|boyfriend|roommate|kid|child|aunt|uncle|cousin|neighbou?r))(?:,|[ ]named)?[ ]"
)
_TITLE_CUE = r"(?:^|[^A-Za-z])(?:(?:Mr|Mrs|Ms|Mx|Dr|Prof|MR|MRS|MS)[.]?|Miss|Mister|Madam)[ ]"
_TWO_CUE = r"(?:^|[^A-Za-z])(?:[Ff]or|[Bb]y|[Ww]ith|[Ii]s|[Ss]ure|and)[,:]?[ ]"
_FIRST = rf"{_CAPITAL}[a-z\x{{df}}-\x{{24f}}'’-]{{1,20}}[ ]"
PATTERNS = (
    Pattern(NAME, rf"{_HAN_CUES}({HAN_NAME})", _field, rf"{_HAN_CUES}{HAN}"),
    Pattern(NAME, rf"{_EN_AM}({HAN_NAME})", i_am, rf"{_EN_AM}{_SURNAME}"),
    Pattern(NAME, rf"{_AM}({HAN_NAME})", i_am, rf"{_AM}{_SURNAME}"),
    Pattern(NAME, rf"({HAN}{{1,6}}{_TITLE})", _titled, rf"{HAN}{_TITLE}"),
    Pattern(NAME, rf"(?:我|免贵|本人|鄙人|您|客户|用户)姓[ ]?({HAN}{{1,2}})", _surname),
    Pattern(NAME, rf"{_LATIN_CUES}({WORDS})", _labelled, rf"{_LATIN_CUES}{_LETTER}"),
    Pattern(NAME, rf"{_NAME_IS}({WORDS})", _labelled, rf"{_NAME_IS}{_LETTER}"),
    Pattern(NAME, rf"{_LABEL}({WORDS})", _labelled, rf"{_LABEL}{_LETTER}"),
    Pattern(
        NAME, rf"(?:^|[^A-Za-z_])(?i:name)[ ]({_CAPITALISED})", _person, rf"(?:^|[^A-Za-z_])(?i:name)[ ]{_CAPITAL}"
    ),
    Pattern(NAME, rf"{_FORM_CUE}({_CAPITALISED})", _plain_form, rf"{_FORM_CUE}{_CAPITAL}"),
    Pattern(
        NAME,
        rf"{_QUOTED_CUE}({_FIRST}{WORDS}|{HAN}{{2,4}})",
        _quoted,
        rf"{_QUOTED_CUE}(?:{_FIRST.replace('{1,20}', '+')}{_LETTER}|{_SURNAME})",
    ),
    Pattern(NAME, rf"{_PERSON_CUE}({_CAPITALISED})", _person, rf"{_PERSON_CUE}{_CAPITAL}"),
    Pattern(
        NAME, rf"{_TWO_CUE}({_FIRST}{_CAPITALISED})", _two, rf"{_TWO_CUE}{_FIRST.replace('{1,20}', '+')}{_CAPITAL}"
    ),
    Pattern(NAME, rf"{_SELF_CUE}({_CAPITALISED})", _self, rf"{_SELF_CUE}{_CAPITAL}"),
    Pattern(
        NAME,
        r"(?:^|[^A-Za-z])(?i:this[ ]is)[ ]([a-z][a-z'-]{1,20}(?:[ ][a-z][a-z'-]{1,20}){0,2})[ ](?:speaking|calling)",
        _small_self,
        "(?i:this[ ]is)[ ][a-z'-]+(?:[ ][a-z'-]+)*[ ](?:speaking|calling)",
    ),
    Pattern(
        NAME,
        rf"(?:^|[.!?,;:\"'“][ ]?)({_WORD}(?:[ ]{_WORD}){{0,3}})[ ](?:speaking|here)(?:$|[^A-Za-z])",
        _speaking,
        f"{_LETTER}[.]?[ ](?:speaking|here)",
    ),
    Pattern(NAME, rf"{_KIN_CUE}({_CAPITALISED})", _given, rf"{_KIN_CUE}{_CAPITAL}"),
    Pattern(NAME, rf"{_TITLE_CUE}({_CAPITALISED})", _mister, rf"{_TITLE_CUE}{_CAPITAL}"),
    Pattern(
        NAME,
        r"(?:^|[^A-Za-z])(?:mr|mrs|ms)[.]?[ ]([a-z][a-z'-]{2,20})",
        _labelled,
        "(?:^|[^A-Za-z])(?:mr|mrs|ms)[.]?[ ][a-z]",
    ),
)
