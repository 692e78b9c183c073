"""Where a Chinese name ends that characters begin with: nothing stands between it and what the sentence says next.

    张伟我要退货 -> 张伟        李女士您好 -> 李女士        张伟先生 -> 张伟

A surname alone goes with its title, a full name without.
"""

import re

from refinery.text.kinds.name_words import COMPOUND, NO_NAMES, NOT_GIVEN, SURNAMES
from refinery.text.kinds.shape import whole

TITLES = ("先生", "女士", "小姐", "太太", "夫人")
TITLE = "(?:" + "|".join(TITLES) + ")"
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

FIELD = (
    "(?:名字|大名|姓名|实名(?:信息)?|称呼|收[件货]人|联系人|寄件人|发件人|机主|户主|户名|开户[名人]|持卡人"
    "|乘[客机车]人?|旅客|入住人|住客|预[订定]人|订票人|投保人"
    "|被?保险?人|受益人|车主|患者|病人|本人|客户|会员|用户)(?:姓名|名字|名称)?"
)
HAN_LINK = r"""[\s:=“"'（(]*(?:是|为|叫做?|写的?是?|填的?是?)?[\s:“"'（(]*"""
HAN_NAME = r"[㐀-鿿]{2,5}(?:·[㐀-鿿]{1,8}){0,3}"
_STRONG = re.compile(r"(?:叫做?|[:=\"“'（(]|是|为|写|填|姓名|名字|收[件货]人|户名|开户名|寄件人|信息)\s*$")
_FORM = re.compile(r"[:=][\s\"“'（(]*$")


def han_end(value: str) -> int:
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
    return not rest or not is_han(rest[0]) or rest[:2] in _ENDS or rest[0] in "吗吧啊呀哦，"


def is_han(char: str) -> bool:
    """Whether a character is a Chinese one."""
    return "\u3400" <= char <= "\u9fff"


def field(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Behind 我叫 or 姓名: where nothing links the two (乘客张伟), the name must end where the word ends."""
    end, rest = han_end(value), value + after
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
    end, rest = han_end(value), value + after
    if not end or not _bounded(rest[end:]) or value[end - 1] in _PLACES:
        return None
    return 0, end


def titled(value: str, before: str, after: str) -> tuple[int, int] | None:
    """The name before a title; a surname alone takes the title with it."""
    end = len(value) - 2
    if value.endswith("小姐") and after.startswith("姐"):
        return None
    for start in range(max(0, end - 4), end):
        if (found := han_end(value[start:end])) and start + found == end:
            return start, end
    for size in (2, 1):
        surname = value[max(0, end - size) : end]
        if surname in COMPOUND or (size == 1 and surname in SURNAMES and _begins(surname, value[: end - 1], before)):
            return end - size, len(value)
    return None


def _begins(surname: str, left: str, before: str) -> bool:
    beside = (before + left)[-1:]
    return surname not in _UNTITLED or not is_han(beside or " ") or beside in "的找是叫给跟让请问为位好"


def receives(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Behind an address or a telephone: whole, and what follows is 收."""
    return whole(value) if han_end(value) == len(value) and value[-1] not in "签查代接验回" else None


_LISTED = re.compile(rf"{FIELD}{HAN_LINK}(?:\x00+[、和及与])+$")


def listed(value: str, before: str, after: str) -> tuple[int, int] | None:
    """A further name behind 姓名 and one that was found already."""
    end, rest = han_end(value), value + after
    return (0, end) if end and _bounded(rest[end:]) and _LISTED.search(before) else None


def only_surname(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Behind 我姓: one character, or two of a compound surname."""
    if value[:2] in COMPOUND:
        return 0, 2
    return (0, 1) if value[0] in SURNAMES and (value[1:] or after)[:1] != "名" else None
