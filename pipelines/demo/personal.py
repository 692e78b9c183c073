"""Fake personal values that pass every checksum, and look-alikes that pass none.

Ranges are such as nobody real holds, where there are any: US line numbers 555-0100 to 0199, example.com and its
sisters, births before 1910, mobile numbers of the segments 0000 to 0009, card numbers that begin with 0000 after
the first four digits. All values are drawn from the generator given, each one once where the range allows.
"""

import re
from collections.abc import Callable
from random import Random

MOBILE_PREFIXES = "130 132 135 136 138 139 145 147 150 152 157 159 166 175 177 178 182 185 187 189 191 198 199".split()
AREA_CODES = "202 206 212 213 303 305 312 404 415 503 512 602 615 617 646 702 713 801 816 919".split()
MAILBOXES = "lily sunny pine river tofu panda maple quiet orange cloud noodle amber walnut sparrow".split()
DOMAINS = "example.com example.org example.net mail.example.com post.example.org".split()
REGIONS = "110101 120103 310104 330106 350203 370202 420106 440106 510107 610113".split()
CARD_PREFIXES = [("62000000", (16, 17, 18, 19)), ("62280000", (19,)), ("40000000", (16,)), ("51000000", (16,))]
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)

TYPES = {
    "zh": ["cn_mobile", "cn_mobile", "cn_mobile", "email", "cn_id", "bank_card"],
    "en": ["us_phone", "us_phone", "us_phone", "email", "bank_card", "cn_mobile", "cn_id"],
}
"""Types of personal data by language; a type named more often comes more often."""


def luhn(digits: str) -> int:
    """The Luhn sum modulo 10: 0 for a valid card number."""
    doubled = [int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10


def id_check(digits: str) -> str:
    """The check character of 17 digits of a Chinese identity number (GB 11643)."""
    return "10X98765432"[sum(int(d) * w for d, w in zip(digits, ID_WEIGHTS, strict=True)) % 11]


def _digits(rng: Random, num: int) -> str:
    return "".join(rng.choices("0123456789", k=num))


def _cn_mobile(rng: Random) -> str:
    parts = rng.choice(MOBILE_PREFIXES), "000" + _digits(rng, 1), _digits(rng, 4)
    glue = rng.choice(["", "", "", " ", "-"])
    return rng.choice(["", "", "", "+86", "+86 ", "+86-"]) + glue.join(parts)


def _us_phone(rng: Random) -> str:
    area, line = rng.choice(AREA_CODES), "01" + _digits(rng, 2)
    form = rng.choice(["({}) 555-{}", "{}-555-{}", "{}.555.{}", "+1 {} 555 {}", "+1-{}-555-{}"])
    return form.format(area, line)


def _email(rng: Random) -> str:
    glue = rng.choice([".", "_", ""])
    return f"{rng.choice(MAILBOXES)}{glue}{rng.choice(MAILBOXES)}{rng.randrange(10, 999)}@{rng.choice(DOMAINS)}"


def _cn_id(rng: Random) -> str:
    birth = f"{rng.randrange(1900, 1910)}{rng.randrange(1, 13):02}{rng.randrange(1, 29):02}"
    body = rng.choice(REGIONS) + birth + _digits(rng, 3)
    check = id_check(body)
    if check != "X" and luhn(body + check) == 0:  # must not pass for a bank card too
        return _cn_id(rng)
    return body + (check.lower() if rng.random() < 0.3 else check)


def _bank_card(rng: Random) -> str:
    prefix, lengths = rng.choice(CARD_PREFIXES)
    body = prefix + _digits(rng, rng.choice(lengths) - len(prefix) - 1)
    card = body + str(-luhn(body + "0") % 10)
    glue = rng.choice(["", "", " ", "-"])
    return glue.join(card[i : i + 4] for i in range(0, len(card), 4))


def _order_id(rng: Random) -> str:
    return rng.choice(["{day}" + _digits(rng, rng.choice([8, 10, 10, 10, 11])), "MT{day}" + _digits(rng, 6)])


def _order_code(rng: Random) -> str:
    return rng.choice(["FD-{day}-" + _digits(rng, 6), "{day}" + _digits(rng, 10), "MT{day}" + _digits(rng, 6)])


DRAWS: dict[str, Callable[[Random], str]] = {
    "cn_mobile": _cn_mobile,
    "us_phone": _us_phone,
    "email": _email,
    "cn_id": _cn_id,
    "bank_card": _bank_card,
    "zh_order": _order_id,
    "en_order": _order_code,
}


def _looks_real(value: str) -> bool:
    """Whether the digits pass a checksum that a decoy must fail."""
    digits = re.sub(r"\D", "", value)
    id_like = len(digits) == 18 and id_check(digits[:17]) == digits[17]
    return id_like or (16 <= len(digits) <= 19 and luhn(digits) == 0)


class Numbers:
    """Hands out values, each once while the range lasts."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._seen: set[str] = set()

    def draw(self, kind: str) -> str:
        """A personal value of a type in TYPES."""
        for _ in range(50):  # US lines number 2,000 in all: a large log repeats some
            value = DRAWS[kind](self._rng)
            key = value if "@" in value else re.sub(r"\D", "", value)[-10:]
            if key not in self._seen:
                break
        self._seen.add(key)
        return value

    def order(self, language: str, day: str) -> str:
        """An order number of the day that is neither an identity nor a card number."""
        while True:
            value = DRAWS[f"{language}_order"](self._rng).replace("{day}", day.replace("-", ""))
            if value not in self._seen and not _looks_real(value):
                self._seen.add(value)
                return value
