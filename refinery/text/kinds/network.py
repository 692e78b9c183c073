"""How people and machines are reached on a network: e-mail, IP addresses, QQ and WeChat; and look-alikes of numbers."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from refinery.text.kinds.shape import EMAIL, HANDLE, IP, LINK, NONE, Pattern, digits, quantity, whole

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IS_VERSION = re.compile(
    "(?i)(?:version|ver|v|release|build|firmware|driver|update|upgrade|ios|android|windows|app|sdk|版本|固件|驱动"
    "|升级|更新|系统|软件)"
    r"[号为是到至了_:：=\"'( \t]*(?:to[ ]|[0-9.]+(?:[ ]?(?:and|to|or|和|到|或|,)[ ]?)|from[ ])?[\"']?$"
    "|version[^0-9]{0,40}$"
)
_IS_IP = re.compile(r"(?i)(?:\bip|from|address|server|host|ping|dns|login|地址|登录|服务器)[^0-9]{0,12}$")


def _ipv4(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Not a version or chapter, and not an address that everybody has: this machine, masks, the router of a home."""
    if _IS_VERSION.search(before) or re.match(r"[.]?[0-9]|-?(?:alpha|beta|rc|版)|[ ]?的?版", after):
        return None
    parts = value.split(".")
    if all(len(part) == 1 for part in parts) and not _IS_IP.search(before):
        return None
    address = IPv4Address(value)
    common = address.is_loopback or address.is_unspecified or address.is_multicast or parts[0] in ("0", "255")
    router = address.is_private and parts[3] in ("0", "1", "254", "255")
    return None if common or router else whole(value)


def _ipv6(value: str, before: str, after: str) -> tuple[int, int] | None:
    """At least four groups, and one that begins as addresses do that are given out."""
    if value[0] == ":" and value[:2] != "::":  # the colon of what comes before
        found = _ipv6(value[1:], before, after)
        return found and (1, len(value))
    try:
        address = IPv6Address(value)
    except AddressValueError:
        return None
    given = address.is_global or address.is_private
    common = address.is_loopback or address.is_unspecified or address.is_multicast
    return whole(value) if given and not common and value.count(":") >= 3 and len(digits(value)) >= 2 else None


_QQ_CUE = "(?:^|[^a-z])(?:qq|扣扣|企鹅)"
_WECHAT_CUE = "(?:微信|薇信|威信|(?:^|[^a-z])(?:we[ ]?chat|weixin|vx|v信|加我?v信?))"
_WECHAT_LINK = rf"(?:{LINK}|号|发[给你您了]*|账号|帐号|加我?|as|account|me|id)*"


def _qq(value: str, before: str, after: str) -> tuple[int, int] | None:
    return None if quantity(after) else whole(value)


def _wechat(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Told from a word by a digit, or by its label: an id of letters alone stands right behind 微信号."""
    labelled = re.search(r"号(?:是|为|[:： ])*$", before)
    return whole(value) if digits(value) or labelled else None


_PLATFORM_CUE = (
    "(?:(?:^|[^a-z])(?:twitter|insta(?:gram)?|telegram|skype|discord|snap(?:chat)?|tik[ ]?tok|line[ ]id)|推特|微博|抖音"
    "|小红书|快手|知乎|b站|电报)"
)
_PLATFORM_LINK = rf"(?:{LINK}|号|账号|handle|username|account|name|me|as|on|at|id)*"
_TO_ME = (
    "(?:(?:^|[^a-z])(?:dm|message|msg|follow|add|find|tag)(?:[ ](?:me|us|him|her))?(?:[ ](?:on|at|as))?|私信|关注)[ ]?"
)


def _handle(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Told from a word, and from the name of a firm, by a digit or an underscore."""
    return whole(value) if digits(value) or "_" in value else None


def _hash(value: str, before: str, after: str) -> tuple[int, int] | None:
    return whole(value) if not value.isdigit() else None


DECOYS = (
    Pattern(NONE, "(?i)(?:^|[^0-9a-z])([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:$|[^0-9a-z])"),
    Pattern(NONE, "(?:^|[^0-9A-Za-z])([0-9a-f]{24,128}|[0-9A-F]{32,128})(?:$|[^0-9A-Za-z])", _hash),
)
"""UUIDs and hashes: eleven digits in a row inside of one are no telephone."""


_HANDLE = r"([A-Za-z][A-Za-z0-9_.-]{2,29}[A-Za-z0-9_])(?:$|[^0-9A-Za-z_@])"
_PLATFORM = rf"(?i:(?:{_PLATFORM_CUE}{_PLATFORM_LINK}|{_TO_ME})@|{_PLATFORM_CUE}{_PLATFORM_LINK})"
_IS_WECHAT = r"[，, ]{0,2}(?:(?:这|就|也)?是(?:我的?)?(?i:微信|vx|we[ ]?chat)|微信号?就?是这个)"
_QQ = rf"(?i:{_QQ_CUE}(?:{LINK}|号)*)"
_WECHAT = rf"(?i:{_WECHAT_CUE}{_WECHAT_LINK})"
PATTERNS = (
    Pattern(
        EMAIL,
        r"([A-Za-z0-9\x{c0}-\x{24f}._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:[.][A-Za-z0-9-]{1,63}){0,6}[.][A-Za-z]{2,24})",
        None,
        r"[A-Za-z0-9\x{c0}-\x{24f}._%+-]@[A-Za-z0-9-]+[.]",
    ),
    Pattern(
        IP,
        rf"(?:^|[^0-9A-Za-z._-]|[^0-9][._-]|(?i:ip))({_OCTET}(?:[.]{_OCTET}){{3}})(?:$|[^0-9A-Za-z.-]|[.](?:$"
        rf"|[^0-9])|-[^0-9])",
        _ipv4,
        "[0-9][.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]",
    ),
    Pattern(
        IP,
        r"(?:^|[^0-9A-Za-z:.]|[^0-9A-Fa-f:]:)((?:[0-9A-Fa-f]{1,4})?(?::[0-9A-Fa-f]{0,4}){3,7})(?:$|[^0-9A-Za-z:])",
        _ipv6,
        "(?::[0-9A-Fa-f]{0,4}){3}",
    ),
)
CUED = (
    Pattern(HANDLE, rf"{_QQ}([1-9][0-9]{{4,11}})(?:$|[^0-9A-Za-z])", _qq, rf"{_QQ}[1-9][0-9]"),
    Pattern(
        HANDLE,
        rf"{_WECHAT}([A-Za-z][A-Za-z0-9_-]{{4,24}})(?:$|[^0-9A-Za-z_-])",
        _wechat,
        rf"{_WECHAT}[A-Za-z][A-Za-z0-9_-]",
    ),
    Pattern(HANDLE, rf"{_PLATFORM}{_HANDLE}", _handle, rf"{_PLATFORM}[A-Za-z][A-Za-z0-9_.-]"),
    Pattern(
        HANDLE,
        rf"(?:^|[^0-9A-Za-z_@-])([A-Za-z][A-Za-z0-9_-]{{4,24}}){_IS_WECHAT}",
        _handle,
        rf"[A-Za-z0-9_-]{_IS_WECHAT}",
    ),
)
