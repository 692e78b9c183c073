"""What opens money or an account: bank cards, IBANs, labelled account numbers, PINs and one-time codes."""

import re

from stdnum import iban, luhn

from refinery.text.kinds.shape import (
    ACCOUNT,
    CARD,
    IBAN,
    LINK,
    NO_WORD,
    PIN,
    TO,
    WORD_END,
    WORD_START,
    Pattern,
    called_order,
    digits,
    quantity,
    whole,
)


def is_card(number: str) -> bool:
    """Luhn holds and the first digits are those of payment cards (ISO/IEC 7812; 22 to 27 only of 16 digits).

    A tenth of all numbers pass Luhn: without the first digits, epoch milliseconds (1…), numbers that start with a
    date (20…), SIM cards (89…) and the barcodes of China (69…, 13 digits) would go.
    """
    issued = (number[0] in "34569" and not (number[:2] == "69" and len(number) == 13)) or (
        "22" <= number[:2] <= "27" and len(number) == 16
    )
    return issued and bool(luhn.is_valid(number))


def _card(value: str, before: str, after: str) -> tuple[int, int] | None:
    return whole(value) if is_card(digits(value)) and not (value.isdigit() and called_order(before)) else None


_IBAN_MIN, _IBAN_MAX = 15, 34


def _iban(value: str, before: str, after: str) -> tuple[int, int] | None:
    """The beginning whose checksum and structure hold: in groups, the next word may stand glued to it."""
    places = [i for i, char in enumerate(value) if char.isalnum()]
    for num in range(min(_IBAN_MAX, len(places)), _IBAN_MIN - 1, -1):
        end = places[num - 1] + 1
        if not value[end : end + 1].isalnum() and iban.is_valid(value[:end], check_country=False):
            return 0, end
    return None


# Account numbers stand behind their label: digits, or a few letters and digits.

_ACCOUNT_CUE = (
    "(?:(?:资金|银行|宽带|公积金|用户|客户|会员|缴费|登录|登陆|收款|汇款|保单)?(?:账号|帐号|账户|帐户|户号)"
    "|会员卡?号|会员编号|客户(?:编号|号|id)"
    "|用户(?:编号|号|id|名)|login[ _]name"
    "|(?:银行|储蓄|信用|社保|医保|会员|就诊)?卡号|社保(?:卡)?号|医保(?:卡)?号|登录名"
    "|(?:^|[^a-z])(?:bank[ ])?(?:account|acct)(?:[ _]?(?:number|no|num|id|#))?"
    "|(?:member(?:ship)?|customer|client|loyalty|frequent[ ]flyer|subscriber|user|patient"
    "|card)[ _-]?(?:card[ ]?)?(?:number|no|num|id|#)|user[ _]?name)"
)
_ACCOUNT_LINK = rf"(?:{LINK}|[#.]|号码)*"


def _account(value: str, before: str, after: str) -> tuple[int, int] | None:
    end = len(value.rstrip(" -"))
    number = digits(value)
    if not 5 <= len(number) or quantity(after) or re.fullmatch("(?:19|20)[0-9]{2}[- ][0-9]{2}[- ][0-9]{2}", value):
        return None
    return 0, end


def _login(value: str, before: str, after: str) -> tuple[int, int] | None:
    """A name to log in with, told from a word by its digits."""
    return whole(value) if len(digits(value)) >= 2 else None


# PINs, card codes, one-time codes and passwords, behind their cue or right before it.

_PIN_CUE = (
    "(?:(?:支付|取款|查询|服务|登录|登陆|交易|电话|门锁|开机|原|新|旧|初始)?密码|口令|(?:短信|手机)?验证码|校验码"
    "|动态码|动态口令|安全码|取件码|提货码|授权码"
    "|背面的?(?:后|最后)?[三四34]位(?:数字?)?|(?:^|[^a-z])(?:pin(?:[ -]?(?:code|number|no))?|cv[vcn]2?|passcode"
    "|password|otp"
    "|(?:security|verification|auth(?:entication|orization)?|access|gate|door|sms|one[- ]time|confirmation|login"
    "|pass)[ _-]?(?:code|pin|password|passcode)"
    "|(?:three|four|3|4)[ ]digits[ ]on[ ]the[ ]back"
    "|(?:my|your|the|a)[ ]code(?:[ ](?:they|you|we)[ ](?:texted|sent|gave)[ ](?:me|you|us))?))"
)
_PIN_LINK = (
    rf"(?:{LINK}|码|我?填[的了]?|我?输入?的?|我?设的?|[改换设重置]{{1,2}}[成为]|成|应该|我?收到的?|发来的?"
    "|on[ ]the[ ]back|i[ ]set|(?:back[ ])?to|i[ ](?:received|got)(?:[ ]by[ ]sms)?|by[ ]sms"
    "|you[ ](?:sent|texted)(?:[ ]me)?)*"
)


def _pin(value: str, before: str, after: str) -> tuple[int, int] | None:
    return None if quantity(after) or re.match(r"[ ]?(?:或|/|\$)", after) else whole(value)


_NEAR_PIN = re.compile(r"(?i)\bpin\b|cvv|passcode|密码|验证码")


def _either(value: str, before: str, after: str) -> tuple[int, int] | None:
    """One of two that the customer is not sure of, where the sentence calls them a PIN."""
    return whole(value) if _NEAR_PIN.search(before[-80:] + " " + after) and not quantity(after) else None


def _password(value: str, before: str, after: str) -> tuple[int, int] | None:
    return whole(value) if digits(value) and re.search("[A-Za-z]", value) else None


_PIN_BEFORE = rf"(?i:{_PIN_CUE}{_PIN_LINK})"
_PASSWORD = r"(?i:密码|口令|(?:^|[^a-z])(?:password|passcode))[ ]?(?i:是|为|[:：=]|is|was)[ ]?[\"'“]?"
_PIN_BEHIND = (
    r"(?:[\"'” ,，]{0,3}(?:是|就是|为|(?i:is|was))[ ]?(?:你的|您的|我的|(?i:your|my|the))?[ ]?"
    r"(?:验证码|校验码|动态码|密码|取件码|(?i:verification code|security code|pin\b|otp|one-time code|passcode))"
    r"|[ ](?i:as (?:my|the|a) (?:new |old )?(?:pin\b|passcode|security code|verification code)))"
)
_ACCOUNT = rf"(?i:{_ACCOUNT_CUE}{_ACCOUNT_LINK})"
PATTERNS = (
    Pattern(
        IBAN,
        rf"(?i){WORD_START}([A-Z]{{2}}[0-9]{{2}}(?:[ -]?[A-Z0-9]){{11,33}}){WORD_END}",
        _iban,
        rf"{WORD_START}[A-Za-z]{{2}}[0-9]{{2}}(?:[ -]?[A-Za-z0-9]){{4}}",
    ),
    Pattern(CARD, rf"{NO_WORD}([0-9]{{13,19}}){TO}", _card),
    Pattern(CARD, rf"{NO_WORD}([0-9]{{4}}(?:[ -][0-9]{{4}}){{3}}[ -][0-9]{{1,3}}){TO}", _card),
    Pattern(CARD, rf"{NO_WORD}([0-9]{{4}}(?:[ -][0-9]{{4}}){{2}}[ -][0-9]{{1,4}}){TO}", _card),
    Pattern(CARD, rf"{NO_WORD}([0-9]{{4}}[ -][0-9]{{6}}[ -][0-9]{{4,5}}|[0-9]{{6}}[ -][0-9]{{13}}){TO}", _card),
)
CUED = (
    Pattern(PIN, r"(?i:either|might be|maybe|还是|或者?|[ ]or)[ ]?([0-9]{4,8})(?:$|[^0-9A-Za-z])", _either),
    Pattern(
        PIN,
        rf"{_PIN_BEFORE}([0-9]{{3,8}})(?:$|[^0-9A-Za-z]|[^0-9A-Za-z]?[ ]?[a-z]{{1,12}})",
        _pin,
        rf"{_PIN_BEFORE}[0-9]{{3}}",
    ),
    Pattern(PIN, rf"{_PASSWORD}([!#-&(-z|~]{{4,24}})(?:$|[^!-~]|[\"'}},])", _password, rf"{_PASSWORD}[!-~]"),
    Pattern(PIN, rf"(?:^|[^0-9A-Za-z.,:$¥￥-])([0-9]{{4,8}}){_PIN_BEHIND}", None, f"[0-9]{_PIN_BEHIND}"),
    Pattern(
        ACCOUNT,
        rf"{_ACCOUNT}([A-Za-z]{{0,3}}-?[0-9](?:[ -]?[0-9]){{3,21}})(?:$|[^0-9A-Za-z])",
        _account,
        rf"{_ACCOUNT}[A-Za-z]{{0,3}}-?[0-9][ -]?[0-9]",
    ),
    Pattern(
        ACCOUNT,
        rf"{_ACCOUNT}([A-Za-z][A-Za-z0-9_.-]{{3,23}}[A-Za-z0-9])(?:$|[^0-9A-Za-z_])",
        _login,
        rf"{_ACCOUNT}[A-Za-z][A-Za-z_.-]*[0-9]",
    ),
)
