"""Draws personal values and look-alikes in the ways people write them; slot name of a template -> value.

Every draw takes the generator it is given and nothing else, so a seed gives the same set for ever. Checksums are
computed here once more, by hand: the set must not share code with what it measures.
"""

import re
from collections.abc import Callable
from random import Random

from tests.text.personal.places import cn_address, us_address
from tests.text.personal.who import cn_name, cn_surname_title, us_first, us_last, us_name, us_name_lower

FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


def digits(rng: Random, num: int, first: str = "0123456789") -> str:
    """`num` digits, the first one of `first`."""
    return rng.choice(first) + "".join(rng.choices("0123456789", k=num - 1))


def shaped(rng: Random, form: str, first: str = "0123456789") -> str:
    """The form with `{n}` as n digits, each run beginning with one of `first`."""
    return re.sub(r"\{(\d+)\}", lambda slot: digits(rng, int(slot[1]), first), form)


def luhn_sum(number: str) -> int:
    """0 for a number whose last digit is its Luhn check digit."""
    total = 0
    for place, digit in enumerate(map(int, reversed(number))):
        twice = digit * 2 if place % 2 else digit
        total += twice // 10 + twice % 10
    return total % 10


def with_luhn(body: str) -> str:
    """The number with its check digit behind it."""
    return next(body + d for d in "0123456789" if luhn_sum(body + d) == 0)


def grouped(number: str, sizes: tuple[int, ...], glue: str) -> str:
    """Digits in groups; what the sizes leave over is the last group."""
    parts, at = [], 0
    for size in sizes:
        parts.append(number[at : at + size])
        at += size
    return glue.join([*parts, number[at:]] if at < len(number) else parts)


def mobile(rng: Random) -> str:
    number = "1" + rng.choice("30 31 35 36 38 39 47 50 51 55 58 59 66 73 76 77 80 85 86 88 89 91 98 99".split())
    number += digits(rng, 8)
    form = rng.choice(
        ["{}", "{}", "{}", "3", "3", "-", "+86{}", "+86 {}", "+86-{}", "+86 3", "0086{}", "(86){}", "wide"]
    )
    if form == "wide":
        return number.translate(FULL_WIDTH)
    if form == "-":
        return grouped(number, (3, 4, 4), "-")
    if form.endswith("3"):
        return form[:-1] + grouped(number, (3, 4, 4), " ")
    return form.format(number)


def landline(rng: Random) -> str:
    area = rng.choice("010 021 022 023 024 025 027 028 029 0311 0371 0431 0512 0532 0571 0591 0755 0769 0898".split())
    number = digits(rng, 8 if len(area) == 3 else rng.choice([7, 8]), "2345678")
    form = rng.choice(
        ["{a}-{n}", "{a}-{n}", "{a} {n}", "({a}){n}", "（{a}）{n}", "{a}{n}", "+86-{b}-{n}", "+86 {b} {n}"]
    )
    return form.format(a=area, b=area[1:], n=number)


def us_phone(rng: Random) -> str:
    area = rng.choice("202 206 212 213 303 305 312 404 415 503 512 602 617 646 702 713 801 816 919".split())
    form = "({a}) {b}-{c}|({a}) {b}-{c}|{a}-{b}-{c}|{a}-{b}-{c}|{a}.{b}.{c}|+1 {a} {b} {c}|+1-{a}-{b}-{c}|1-{a}-{b}-{c}"
    form = rng.choice((form + "|{a} {b} {c}|+1 ({a}) {b}-{c}|+1{a}{b}{c}").split("|"))
    return form.format(a=area, b=digits(rng, 3, "23456789"), c=digits(rng, 4))


def us_phone_bare(rng: Random) -> str:
    return rng.choice(["202", "312", "415", "646", "713"]) + digits(rng, 7, "23456789")


def other_phone(rng: Random) -> str:
    """With their +: Great Britain, Germany, Hong Kong, Singapore, Australia."""
    form = rng.choice(
        ["+44 20 7{3} {4}", "+44 7{3} {6}", "+447{9}", "+49 30 {8}", "+49 151 {8}", "+852 6{3} {4}", "+65 9{3} {4}",
         "+61 4{2} {3} {3}"]
    )  # fmt: skip
    return shaped(rng, form)


def email(rng: Random) -> str:
    words = (
        "lily sunny pine river panda maple cloud walnut zhang.wei liuyang mike_b j.smith anna-k wangxiaoming".split()
    )
    host = "qq.com 163.com 126.com gmail.com outlook.com foxmail.com example.com sina.com.cn mail.example.co.uk".split()
    name = rng.choice(words) + rng.choice(["", digits(rng, 2), digits(rng, 4), "+shop"])
    found = f"{name}@{rng.choice(host)}"
    return rng.choice([found, found, found, found.upper(), f"{digits(rng, 9, '123456789')}@qq.com"])


def cn_id(rng: Random) -> str:
    region = rng.choice("110101 120103 130203 210102 310104 330106 350203 370202 420106 440106 510107 610113".split())
    body = f"{region}{rng.randrange(1950, 2010)}{rng.randrange(1, 13):02}{rng.randrange(1, 29):02}{digits(rng, 3)}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    check = "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]
    number = body + (check.lower() if rng.random() < 0.3 else check)
    return rng.choice([number, number, number, grouped(number, (6, 8), " "), grouped(number, (6, 8), "-")])


def cn_id_old(rng: Random) -> str:
    region = rng.choice("110101 310104 330106 440106 510107".split())
    return f"{region}{rng.randrange(45, 82)}{rng.randrange(1, 13):02}{rng.randrange(1, 29):02}{digits(rng, 3)}"


def card(rng: Random) -> str:
    kinds = [("4", 16), ("5" + rng.choice("12345"), 16), ("62", 16), ("62", 19), ("34", 15), ("37", 15)]
    prefix, num = rng.choice([*kinds, ("6011", 16), ("35", 16), ("36", 14)])
    number = with_luhn(prefix + digits(rng, num - len(prefix) - 1))
    sizes = {15: (4, 6, 5), 14: (4, 6, 4)}.get(num, (4, 4, 4, 4))
    return grouped(number, sizes, rng.choice([" ", "-"])) if rng.random() < 0.5 else number


def ssn(rng: Random) -> str:
    area = rng.choice([f"{n:03}" for n in (*range(1, 666), *range(667, 900))])
    return rng.choice(["-", "-", " "]).join([area, f"{rng.randrange(1, 100):02}", f"{rng.randrange(1, 10000):04}"])


def ssn_bare(rng: Random) -> str:
    return ssn(rng).replace("-", "").replace(" ", "")


def cn_passport(rng: Random) -> str:
    """One letter and eight digits, or two letters and seven."""
    return rng.choice([rng.choice("EG") + digits(rng, 8), "E" + rng.choice("ABCDEFGHJ") + digits(rng, 7)])


def us_passport(rng: Random) -> str:
    return rng.choice([digits(rng, 9, "123456789"), rng.choice("ACX") + digits(rng, 8)])


def plate(rng: Random) -> str:
    head = rng.choice("京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼") + rng.choice("ABCDEFGHJK")
    tail = "".join(rng.choices("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", [1] * 24 + [8] * 10, k=5))
    tail = tail if any(c.isdigit() for c in tail) else "8" + tail[1:]
    return head + rng.choice(["", "", "·", " ", "-"]) + tail


def plate_new_energy(rng: Random) -> str:
    head = rng.choice("京沪粤浙苏川鄂鲁") + rng.choice("ABCDEFG")
    tail = rng.choice(
        [rng.choice("DF") + digits(rng, 5), digits(rng, 5) + rng.choice("DF"), "D" + "A" + digits(rng, 4)]
    )
    return head + rng.choice(["", "", "·"]) + tail


def us_plate(rng: Random) -> str:
    letters = "".join(rng.choices("ABCDEFGHJKLMNPRSTUVWXYZ", k=3))
    form = rng.choice(["{d1}{l}{d3}", "{l}-{d4}", "{l} {d4}", "{l}{d4}", "{d3} {l}"])
    return form.format(l=letters, d1=digits(rng, 1, "3456789"), d3=digits(rng, 3), d4=digits(rng, 4))


def iban(rng: Random) -> str:
    country, form = rng.choice(
        [("DE", "18"), ("FR", "23"), ("GB", "LLLL14"), ("NL", "LLLL10"), ("ES", "20"), ("IT", "L22")]
    )
    letters = "".join(rng.choices("ABCDEFGHKMNRST", k=form.count("L")))
    body = letters + digits(rng, int(form.lstrip("L")))
    plain = "".join(str(int(c, 36)) for c in body + country + "00")
    number = f"{country}{98 - int(plain) % 97:02}{body}"
    return rng.choice([number, number, grouped(number, (4,) * (len(number) // 4), " ")])


def ipv4(rng: Random) -> str:
    return ".".join([rng.choice("58 61 101 114 116 183 202 218 222 24 66 73 98 10 172 192".split())]
                    + [str(rng.randrange(2, 250)) for _ in range(3)])  # fmt: skip


def ipv6(rng: Random) -> str:
    parts = [f"{rng.randrange(0x10000):x}" for _ in range(8)]
    head = rng.choice(["2408", "2409", "240e", "2001", "2600", "2a02"])
    return rng.choice(
        [":".join([head, *parts[1:]]), f"{head}:{parts[1]}:{parts[2]}::{parts[3]}", f"{head}:{parts[1]}::{parts[2]}"]
    )


def account(rng: Random) -> str:
    return digits(rng, rng.choice([6, 7, 8, 8, 9, 10, 12]), "123456789")


def account_lettered(rng: Random) -> str:
    return rng.choice(["AC", "M", "KH", "U", "CN"]) + rng.choice(["", "-"]) + digits(rng, rng.choice([6, 7, 8]))


def pin(rng: Random) -> str:
    return digits(rng, rng.choice([4, 4, 6]))


def cvv(rng: Random) -> str:
    return digits(rng, rng.choice([3, 3, 4]))


def code(rng: Random) -> str:
    return digits(rng, rng.choice([4, 6, 6]))


def _birth(rng: Random) -> tuple[int, int, int]:
    return rng.randrange(1940, 2012), rng.randrange(1, 13), rng.randrange(1, 29)


def cn_birth(rng: Random) -> str:
    year, month, day = _birth(rng)
    form = "{y}年{m}月{d}日|{y}年{m}月{d}号|{y}-{m:02}-{d:02}|{y}.{m}.{d}|{y}/{m}/{d}|{y}{m:02}{d:02}|{m}月{d}日"
    form = rng.choice((form + "|{s}年{m}月{d}日|{y}年{m}月").split("|"))
    return form.format(y=year, m=month, d=day, s=f"{year % 100:02}")


def us_birth(rng: Random) -> str:
    year, month, day = _birth(rng)
    name = "January February March April May June July August September October November December".split()[month - 1]
    form = "{n} {d}, {y}|{n} {d} {y}|{n} {o}, {y}|{d} {n} {y}|{m:02}/{d:02}/{y}|{m}/{d}/{y}|{m}/{d}/{s}"
    form += "|{y}-{m:02}-{d:02}|{m:02}-{d:02}-{y}|{a} {d}, {y}"
    ordinal = f"{day}{'th' if 10 < day < 20 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"
    return rng.choice(form.split("|")).format(
        n=name, a=name[:3], d=day, o=ordinal, m=month, y=year, s=f"{year % 100:02}"
    )


def qq(rng: Random) -> str:
    return digits(rng, rng.choice([6, 8, 9, 9, 10, 10]), "123456789")


def wechat(rng: Random) -> str:
    name = rng.choice(["lily", "xiaoming", "zw", "wang_", "sunny-", "Mr", "abc_", "ting", "laoK", "mm"])
    return name + digits(rng, rng.choice([3, 4, 6, 8])) if rng.random() < 0.8 else f"wxid_{digits(rng, 8)}ab"


# Look-alikes, which must stay.


def order_number(rng: Random) -> str:
    form = ["20231108{8}", "2024{10}", "{12}", "{16}", "{18}", "E2024{12}", "MT{12}", "FD-2024-{6}", "#W{7}", "{9}-{8}"]
    while True:
        chosen = rng.choice(form)
        value = shaped(rng, chosen, "12678" if chosen[0] == "{" else "0123456789")
        plain = "".join(c for c in value if c.isdigit())
        if luhn_sum(plain) and not (len(plain) == 11 and plain[0] == "1"):
            return value


def tracking(rng: Random) -> str:
    form = rng.choice(
        ["SF{13}", "YT{13}", "JD{13}", "ZTO{12}", "7{13}", "1Z999AA1{10}", "9400{16}", "EA{9}CN", "JT{13}"]
    )
    while True:
        value = shaped(rng, form)
        if luhn_sum("".join(c for c in value if c.isdigit())):
            return value


def amount_zh(rng: Random) -> str:
    value = rng.choice([rng.randrange(5, 99999), round(rng.uniform(5, 9999), 2)])
    return rng.choice([f"{value}元", f"¥{value:,}", f"￥{value}", f"{value}块", f"{value:,.2f}元"])


def amount_en(rng: Random) -> str:
    value = rng.uniform(5, 99999)
    return rng.choice([f"${value:,.2f}", f"{value:.2f} USD", f"${value:.0f}", f"€{value:.2f}", f"USD {value:,.2f}"])


def day_zh(rng: Random) -> str:
    year, month, day = rng.randrange(2021, 2027), rng.randrange(1, 13), rng.randrange(1, 29)
    form = "{y}年{m}月{d}日|{y}-{m:02}-{d:02}|{m}月{d}号|{y}/{m:02}/{d:02}|{y}.{m:02}.{d:02}|{y}{m:02}{d:02}"
    return rng.choice(form.split("|")).format(y=year, m=month, d=day)


def day_en(rng: Random) -> str:
    year, month, day = rng.randrange(2021, 2027), rng.randrange(1, 13), rng.randrange(1, 29)
    name = "January February March April May June July August September October November December".split()[month - 1]
    form = "{n} {d}, {y}|{m:02}/{d:02}/{y}|{y}-{m:02}-{d:02}|{n} {d}|{d} {a} {y}|{m}/{d}"
    return rng.choice(form.split("|")).format(n=name, a=name[:3], y=year, m=month, d=day)


def clock(rng: Random) -> str:
    hour, minute, second = rng.randrange(24), rng.randrange(60), rng.randrange(60)
    return rng.choice([f"{hour}:{minute:02}", f"{hour:02}:{minute:02}:{second:02}", f"{hour % 12 + 1}:{minute:02} PM"])


def sku(rng: Random) -> str:
    form = rng.choice(["SKU{8}", "B0{4}XQ{2}", "{6}-{3}", "{10}", "XH-{4}B", "{7}", "A{4}", "P/N {5}-{4}"])
    return shaped(rng, form, "6789")


def version(rng: Random) -> str:
    form = rng.choice(["v{}.{}.{}.{}", "{}.{}.{}", "V{}.{}", "{}.0.{}.{}", "{}.{}.{}-beta.{}"])
    return form.format(*(rng.choice([rng.randrange(1, 20), rng.randrange(100, 5000)]) for _ in range(4)))


def small(rng: Random) -> str:
    return str(rng.randrange(2, 60))


def count(rng: Random) -> str:
    return str(rng.randrange(100, 9999))


PERSONAL: dict[str, tuple[str, Callable[[Random], str]]] = {
    "mobile": ("PHONE", mobile),
    "landline": ("PHONE", landline),
    "us_phone": ("PHONE", us_phone),
    "us_phone_bare": ("PHONE", us_phone_bare),
    "other_phone": ("PHONE", other_phone),
    "email": ("EMAIL", email),
    "cn_id": ("CN_ID", cn_id),
    "cn_id_old": ("CN_ID", cn_id_old),
    "card": ("CARD", card),
    "ssn": ("SSN", ssn),
    "ssn_bare": ("SSN", ssn_bare),
    "cn_passport": ("PASSPORT", cn_passport),
    "us_passport": ("PASSPORT", us_passport),
    "plate": ("PLATE", plate),
    "plate_new_energy": ("PLATE", plate_new_energy),
    "us_plate": ("PLATE", us_plate),
    "iban": ("IBAN", iban),
    "ipv4": ("IP", ipv4),
    "ipv6": ("IP", ipv6),
    "account": ("ACCOUNT", account),
    "account_lettered": ("ACCOUNT", account_lettered),
    "pin": ("PIN", pin),
    "cvv": ("PIN", cvv),
    "code": ("PIN", code),
    "cn_birth": ("BIRTH_DATE", cn_birth),
    "us_birth": ("BIRTH_DATE", us_birth),
    "cn_name": ("NAME", cn_name),
    "cn_titled": ("NAME", cn_surname_title),
    "us_name": ("NAME", us_name),
    "us_name_lower": ("NAME", us_name_lower),
    "us_first": ("NAME", us_first),
    "us_last": ("NAME", us_last),
    "cn_address": ("ADDRESS", cn_address),
    "us_address": ("ADDRESS", us_address),
    "qq": ("HANDLE", qq),
    "wechat": ("HANDLE", wechat),
}
"""Slot -> what it must be found as, and how it is drawn."""

PLAIN: dict[str, Callable[[Random], str]] = {
    "order": order_number,
    "tracking": tracking,
    "amount_zh": amount_zh,
    "amount_en": amount_en,
    "day_zh": day_zh,
    "day_en": day_en,
    "clock": clock,
    "sku": sku,
    "version": version,
    "small": small,
    "count": count,
}
"""Slot -> how a value is drawn that must stay."""
