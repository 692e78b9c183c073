"""Keys of JSON objects whose values are personal by their name: first_name, 收货地址, dateOfBirth.

What a bare `name` or `address` holds is left to the patterns, unless the value looks like one: products have names.
"""

import re
from functools import lru_cache

from refinery.text.kinds.shape import (
    ACCOUNT,
    ADDRESS,
    BIRTH_DATE,
    CN_ID,
    EMAIL,
    HANDLE,
    NAME,
    PASSPORT,
    PHONE,
    PIN,
    PLATE,
    SSN,
    digits,
)

_PERSON = (
    "customer|client|first|last|middle|family|given|full|real|patient|guest|renter|passenger|recipient|receiver"
    "|consignee|sender|contact"
    "|buyer|owner|holder|card_?holder|account_?holder|member|legal|nick|host|employee|driver|rider|courier"
    "|traveller|traveler"
)
_KEYS = {
    NAME: f"(?:{_PERSON}|user|sur)_?name|recipient|card_?holder|account_?holder|consignee"
    "|姓名|(?:客户|用户|真实|收件人?|收货人?|联系人|持卡人|乘客|患者|联系)姓名|收件人|收货人|联系人|持卡人|开户名|户名",
    ADDRESS: "(?:(?:shipping|billing|home|mailing|delivery|street|postal|pickup|residential|user|customer)_?)?"
    "address(?:_?(?:line)?_?[123])?|street"
    "|(?:收货|详细|家庭|联系|送货|配送|寄件|收件|户籍)?(?:地址|住址)",
    BIRTH_DATE: "dob|date_?of_?birth|birth_?da(?:te|y)|生日|出生日期|出生年月",
    PHONE: "(?:(?:contact|home|work|mobile|cell|user|customer|recipient|callback|tele)_?)?"
    "phone(?:_?(?:number|no))?|mobile(?:_?(?:number|no))?|tel"
    "|(?:联系)?电话(?:号码)?|手机号?码?",
    EMAIL: "(?:(?:user|customer|contact)_?)?e?_?mail(?:_?address)?|邮箱|电子邮箱",
    CN_ID: "id_?card(?:_?(?:number|no))?|identity_?(?:number|no|card)|身份证号?码?",
    SSN: "ssn|social_?security(?:_?(?:number|no))?",
    PASSPORT: "passport(?:_?(?:number|no|id))?|护照号?码?",
    PLATE: "(?:license_?|licence_?|car_?|vehicle_?)?plate(?:_?(?:number|no))?|车牌号?码?",
    ACCOUNT: "(?:bank_?|customer_?|user_?)?acc(?:oun)?t_?(?:number|no|num|id)|bank_?account"
    "|user_?name|login|用户名|(?:银行)?[账帐][号户]|卡号|card_?(?:number|no)",
    PIN: "(?:old_?|new_?|user_?)?(?:pin|pin_?code|password|passcode)|cvv2?|cvc2?|otp"
    "|(?:verification|security|sms|auth)_?code|密码|支付密码|验证码",
    HANDLE: "we_?chat(?:_?id)?|qq(?:_?(?:number|no))?|微信号?|qq号?",
}
_ANY_KEY = "(?i:" + "|".join(_KEYS.values()) + ")"
CANDIDATE = rf"[\"']{_ANY_KEY}\\*[\"']\s*:"
"""A key of JSON text, escaped or not; Python's way to write a dict counts too."""
KEYED = rf'"({_ANY_KEY})"\s*:\s*(?:"((?:[^"\\]|\\.)*)"|([0-9]+))'
"""Key and value (a string or a whole number) in JSON text."""
_VALUE_NAME = re.compile(r"[^\W\d_][^\d_<>{}()\[\]=/\\@#$%*?!:;]{0,60}")
_NO_VALUE = frozenset(
    "none null unknown n/a na true false yes no anonymous test default verified unverified pending any all user "
    "customer client guest agent assistant bot system admin merchant rider driver male female "
    "未知 匿名 无 暂无 用户 客户 顾客 买家 卖家 商家 骑手 客服 匿名用户".split()
)


def kind_of(key: str, value: str) -> str | None:
    """The kind that a key gives its value as a whole, or None where the value does not look like one."""
    kinds = _kinds(key)
    if not kinds:
        return None
    plain = value.strip()
    if not plain or len(plain) > 200 or plain.casefold() in _NO_VALUE:
        return None
    return next((kind for kind in kinds if _fits(kind, plain)), None)


@lru_cache(maxsize=4096)
def _kinds(key: str) -> tuple[str, ...]:
    return tuple(
        kind for kind, regex in _KEYS.items() if len(key) < 60 and re.fullmatch(regex, key.strip(), re.IGNORECASE)
    )


def _fits(kind: str, value: str) -> bool:
    if kind == NAME:
        return len(value) > 1 and value.count(" ") < 5 and bool(_VALUE_NAME.fullmatch(value))
    if kind == EMAIL:
        return "@" in value
    if kind in (ADDRESS, BIRTH_DATE):
        return bool(digits(value)) or (kind == ADDRESS and any("\u3400" <= c <= "\u9fff" for c in value))
    if kind == HANDLE:
        return len(value) >= 4 and " " not in value
    if kind == ACCOUNT:
        return len(digits(value)) >= 2 and " " not in value.strip()
    return len(digits(value)) >= 3
