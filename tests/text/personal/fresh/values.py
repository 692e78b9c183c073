"""Values of the second labelled set: own generators, apart from those that the patterns were worked on with."""

from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Final

from stdnum import luhn
from stdnum.cn import ric
from stdnum.iso7064 import mod_97_10

Draw = Callable[[Random], str]

_SURNAMES: Final = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"  # noqa: E501
_GIVEN: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉萍红娥玲芬燕彬鹏浩凯健俊帆雪梅琳晨阳宇轩梓涵欣怡思远子墨雨桐嘉诚若曦沐辰"  # noqa: E501
_COMPOUND: Final = ("欧阳", "司马", "上官", "诸葛", "司徒", "东方")
_FIRST: Final = "Olivia Noah Emma Liam Charlotte Elijah Amelia Mateo Sophia Lucas Isabella Ethan Mia Daniel Harper Owen Grace Samuel Chloe Isaac Layla Wyatt Nora Julian Hazel Leo Violet Ezra Stella Aaron Priya Rahul Fatima Omar Yuki Kenji Ingrid Pierre Dmitri Aisha Bill Tom Meg".split()  # noqa: E501
_LAST: Final = "Anderson Nguyen Patel Garcia Kowalski O'Brien Murphy Schmidt Fernandez Goldberg Tanaka Ivanov Okafor Johansson Rossi Dubois Khan Silva Cooper Reed Bailey Brooks Kelly Sanders Price Bennett Wood Barnes Ross Henderson Coleman Jenkins Perry Powell Long Hughes Flores Washington Butler Simmons Foster".split()  # noqa: E501
_PINYIN: Final = ("Wang Xiaoming", "Li Na", "Zhang Wei", "Chen Jianguo", "Liu Yifei", "Zhao Min", "Xu Zhimo", "Hu Ge")
_MOBILE: Final = (
    "133",
    "135",
    "137",
    "139",
    "147",
    "150",
    "156",
    "159",
    "166",
    "173",
    "178",
    "182",
    "188",
    "191",
    "199",
)
_REGIONS: Final = ("110105", "310104", "440305", "330106", "510107", "420111", "320102", "610113", "350203", "210202")
_AREAS: Final = ("010", "021", "020", "0755", "0571", "028", "027", "025", "029", "0592", "0411", "0512", "0731")
_US_AREAS: Final = "212 415 617 312 206 305 404 512 702 808 303 503 615 916 646".split()
_WORDS: Final = "sunny tiger moon coco kevin lily peach jade river stone happy snow apple cloud maple".split()


def _digits(rng: Random, num: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(num))


def _wide(text: str) -> str:
    return text.translate(str.maketrans("0123456789", "０１２３４５６７８９"))


def mobile(rng: Random) -> str:
    """A mainland mobile number in the ways that people write it."""
    a, b, c = rng.choice(_MOBILE), _digits(rng, 4), _digits(rng, 4)
    forms = (a + b + c, a + b + c, a + b + c, f"{a} {b} {c}", f"{a}-{b}-{c}", f"+86{a}{b}{c}", f"+86 {a} {b} {c}")
    more = (f"+86-{a}{b}{c}", f"0086{a}{b}{c}", f"(+86){a}{b}{c}", f"86-{a}-{b}-{c}", _wide(a + b + c), f"{a}{b} {c}")
    return rng.choice(forms + more)


def landline(rng: Random) -> str:
    """A fixed line with its area code."""
    area = rng.choice(_AREAS)
    local = rng.choice("2345678") + _digits(rng, 7 if len(area) == 3 or area in ("0755", "0571", "0512", "0731") else 6)
    forms = (f"{area}-{local}", f"{area} {local}", f"({area}){local}", f"（{area}）{local}", f"{area}{local}")
    cut = len(local) - 4
    return rng.choice((*forms, f"+86 {area[1:]} {local}", f"{area}-{local[:cut]}-{local[cut:]}"))


def us_phone(rng: Random) -> str:
    """A North American number."""
    a, b, c = (
        rng.choice(_US_AREAS),
        rng.choice("23456789") + rng.choice("02345678") + rng.choice("0123456789"),
        _digits(rng, 4),
    )
    forms = (f"({a}) {b}-{c}", f"{a}-{b}-{c}", f"{a}.{b}.{c}", f"{a} {b} {c}", f"+1 {a} {b} {c}", f"+1{a}{b}{c}")
    return rng.choice((*forms, f"1-{a}-{b}-{c}", f"+1 ({a}) {b}-{c}", f"({a}){b}-{c}", f"{a} {b}-{c}"))


def email(rng: Random) -> str:
    """An address at a made-up or well-known host."""
    name = rng.choice(_WORDS) + rng.choice(("", ".", "_", "-", "+")) + rng.choice((rng.choice(_WORDS), _digits(rng, 3)))
    host = rng.choice(
        (
            "163.com",
            "qq.com",
            "gmail.com",
            "mail.fudan.edu.cn",
            "outlook.co.uk",
            "foxmail.com",
            "acme-shop.io",
            "Yahoo.COM",
        )
    )
    return rng.choice((name, name.capitalize(), _digits(rng, 9))) + "@" + host


def cn_id(rng: Random) -> str:
    """A valid identity number, plain or in groups."""
    born = date(1945, 1, 1) + timedelta(days=rng.randrange(27000))
    body = rng.choice(_REGIONS) + born.strftime("%Y%m%d") + _digits(rng, 3)
    number = body + ric.calc_check_digit(body + "0")
    grouped = f"{number[:6]} {number[6:14]} {number[14:]}"
    return rng.choice((number, number, number, number.lower(), grouped, f"{number[:6]}-{number[6:14]}-{number[14:]}"))


def card(rng: Random) -> str:
    """A number that passes Luhn: Visa, Mastercard, Amex, UnionPay of 16 and 19 digits."""
    head, size = rng.choice(
        (("4", 16), ("51", 16), ("55", 16), ("37", 15), ("622202", 19), ("621700", 19), ("6225", 16), ("6011", 16))
    )
    body = head + _digits(rng, size - len(head) - 1)
    number = body + luhn.calc_check_digit(body)
    fours = [number[i : i + 4] for i in range(0, size, 4)] if size != 15 else [number[:4], number[4:10], number[10:]]
    return rng.choice((number, number, " ".join(fours), "-".join(fours)))


def zh_name(rng: Random) -> str:
    """Two to four characters."""
    surname = rng.choice(_COMPOUND) if rng.random() < 0.06 else rng.choice(_SURNAMES)
    return surname + "".join(rng.choice(_GIVEN) for _ in range(rng.choice((1, 2, 2, 2))))


def us_name(rng: Random) -> str:
    """First and last, at times with an initial."""
    return f"{rng.choice(_FIRST)} {rng.choice(('', '', '', 'J. '))}{rng.choice(_LAST)}"


def ssn(rng: Random) -> str:
    """Groups that are given out."""
    a, b, c = (
        f"{rng.randrange(1, 660):03}".replace("666", "665"),
        f"{rng.randrange(1, 99):02}",
        f"{rng.randrange(1, 9999):04}",
    )
    return rng.choice((f"{a}-{b}-{c}", f"{a}-{b}-{c}", f"{a} {b} {c}", a + b + c))


def cn_passport(rng: Random) -> str:
    """E and eight digits, newer ones with two letters, older with G."""
    head = rng.choice(("E", "E", "G", "EA", "EJ", "EK"))
    return head + _digits(rng, 9 - len(head))


def us_passport(rng: Random) -> str:
    """Nine digits, or a letter and eight."""
    return rng.choice((_digits(rng, 9), rng.choice("ACYZ") + _digits(rng, 8)))


def cn_plate(rng: Random) -> str:
    """Blue and green plates."""
    head, letter = rng.choice("京沪粤浙苏川鄂湘闽渝津鲁"), rng.choice("ABCDEFGH")
    tail = "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789") for _ in range(4)) + rng.choice("0123456789")
    green = rng.choice("DF") + _digits(rng, 5)
    return rng.choice(
        (f"{head}{letter}{tail}", f"{head}{letter}·{tail}", f"{head}{letter} {tail}", f"{head}{letter}{green}")
    )


def us_plate(rng: Random) -> str:
    """Forms of several states."""
    letters = "".join(rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(3))
    return rng.choice(
        (
            f"{rng.randrange(1, 9)}{letters}{_digits(rng, 3)}",
            f"{letters}-{_digits(rng, 4)}",
            f"{letters} {_digits(rng, 3)}",
            f"{letters}{_digits(rng, 4)}",
        )
    )


def uk_plate(rng: Random) -> str:
    """As given out since 2001."""
    letters = "".join(rng.choice("ABCDEFGHJKLMNPRSTUVWXY") for _ in range(5))
    return f"{letters[:2]}{rng.choice(('17', '19', '21', '68', '72'))} {letters[2:]}"


def iban(rng: Random) -> str:
    """Valid by its check digits, plain or in fours."""
    country, body = rng.choice(
        (
            ("DE", _digits(rng, 18)),
            ("GB", "NWBK" + _digits(rng, 14)),
            ("FR", _digits(rng, 23)),
            ("NL", "INGB" + _digits(rng, 10)),
            ("ES", _digits(rng, 20)),
        )
    )
    if country in ("FR", "ES"):
        country, body = "DE", _digits(rng, 18)
    number = country + mod_97_10.calc_check_digits(body + country) + body
    return rng.choice((number, number.lower(), " ".join(number[i : i + 4] for i in range(0, len(number), 4))))


def ipv4(rng: Random) -> str:
    """A public or private address."""
    return ".".join(
        str(n)
        for n in (
            rng.choice((10, 192, 172, 47, 101, 203, 8, 114)),
            rng.randrange(1, 255),
            rng.randrange(256),
            rng.randrange(1, 255),
        )
    )


def ipv6(rng: Random) -> str:
    """Full or shortened."""
    full = [f"{rng.randrange(65536):x}" for _ in range(8)]
    return rng.choice((":".join(["2408", *full[1:]]), f"fe80::{':'.join(full[:4])}", f"2001:db8::{full[0]}"))


def account(rng: Random) -> str:
    """Eight to twelve digits, or letters before them."""
    return rng.choice(
        (
            _digits(rng, 8),
            _digits(rng, 10),
            _digits(rng, 12),
            "KH" + _digits(rng, 8),
            f"{_digits(rng, 4)}-{_digits(rng, 6)}",
        )
    )


def zh_birth(rng: Random) -> str:
    """A day of birth as it is written in Chinese."""
    d = date(1945, 1, 1) + timedelta(days=rng.randrange(27000))
    return rng.choice(
        (
            f"{d.year}年{d.month}月{d.day}日",
            f"{d.year}年{d.month}月{d.day}号",
            d.isoformat(),
            f"{d.year}/{d.month}/{d.day}",
            f"{d.year}.{d.month:02}.{d.day:02}",
            d.strftime("%Y%m%d"),
        )
    )


def us_birth(rng: Random) -> str:
    """A day of birth as it is written in English."""
    d = date(1945, 1, 1) + timedelta(days=rng.randrange(27000))
    suffix = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}.get(d.day, "th")
    forms = (d.strftime("%m/%d/%Y"), f"{d.month}/{d.day}/{d.year % 100:02}", d.strftime("%B ") + f"{d.day}, {d.year}")
    return rng.choice(
        (
            *forms,
            d.isoformat(),
            f"{d.strftime('%b')} {d.day}{suffix} {d.year}",
            f"{d.day} {d.strftime('%B')} {d.year}",
            d.strftime("%m-%d-%Y"),
        )
    )


_CITIES: Final = (
    "北京市朝阳区",
    "上海市浦东新区",
    "杭州市西湖区",
    "成都市武侯区",
    "广东省深圳市南山区",
    "湖北省武汉市洪山区",
    "南京市鼓楼区",
    "江苏省苏州市吴中区",
)  # noqa: E501
_ROADS: Final = (
    "建国路",
    "世纪大道",
    "文三路",
    "人民南路",
    "科苑路",
    "珞喻路",
    "中山北路",
    "东环路",
    "长江西街",
    "解放路",
)
_ESTATES: Final = ("阳光花园", "翠湖小区", "万科城", "金地公寓", "锦绣家园", "梧桐苑")


def zh_address(rng: Random) -> str:
    """From the district down to the door, or from the road down."""
    no, block, room = rng.randrange(1, 999), rng.randrange(1, 30), rng.randrange(101, 2805)
    road, estate = rng.choice(_ROADS), rng.choice(_ESTATES)
    tails = (
        f"{road}{no}号",
        f"{road}{no}号{block}栋{room}室",
        f"{road}{no}号{estate}{block}号楼{rng.randrange(1, 5)}单元{room}",
    )
    more = (f"{estate}{block}幢{room}", f"{road}{no}弄{block}号{room}室")
    return (
        rng.choice((*_CITIES, *_CITIES, _CITIES[0])) + rng.choice(tails + more)
        if rng.random() < 0.8
        else f"{road}{no}号{estate}{block}栋{room}"
    )


def us_address(rng: Random) -> str:
    """A number, a street, at times a flat, a town and a code."""
    street = f"{rng.choice(('Maple', 'Oak Hill', 'Washington', '5th', 'Riverside', 'N Lincoln', 'Sunset', 'E 42nd'))} {rng.choice(('St', 'Street', 'Ave', 'Avenue', 'Rd', 'Drive', 'Blvd', 'Lane', 'Court'))}"  # noqa: E501
    flat = rng.choice(("", "", " Apt 4B", ", Apt 12", " #305", ", Unit 7", ", Suite 200"))
    town = rng.choice(
        ("", ", Springfield, IL 62704", ", Austin, TX 78701", ", Portland OR 97205", ", Brooklyn, NY", ", Seattle")
    )
    return f"{rng.randrange(10, 9999)} {street}{flat}{town}"


def handle(rng: Random) -> str:
    """Letters, digits and an underscore."""
    return (
        rng.choice(_WORDS)
        + rng.choice(("_", "", "-"))
        + rng.choice((_digits(rng, 4), rng.choice(_WORDS) + _digits(rng, 2)))
    )


def _amount(rng: Random) -> str:
    return rng.choice(("{:.2f}", "{:.2f}", "${:.2f}", "{:,.2f}", "{:.0f}")).format(
        rng.random() * 10 ** rng.randrange(1, 6)
    )


def _date(rng: Random) -> str:
    d = date(2025, 1, 1) + timedelta(days=rng.randrange(700))
    return rng.choice(
        (
            d.isoformat(),
            f"{d.month}月{d.day}日",
            f"{d.year}年{d.month}月{d.day}日",
            d.strftime("%m/%d"),
            d.strftime("%Y/%m/%d"),
            d.strftime("%Y.%m.%d"),
            d.strftime("%B %d"),
            d.strftime("%Y%m%d"),
        )
    )


def _stamped(rng: Random, tail: int) -> str:
    return f"20{rng.choice((25, 26))}{rng.randrange(1, 13):02}{rng.randrange(1, 29):02}" + _digits(rng, tail)


def _upper(rng: Random, num: int) -> str:
    return "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(num))


PERSONAL: Final[dict[str, tuple[str, Draw]]] = {
    "mobile": ("PHONE", mobile),
    "landline": ("PHONE", landline),
    "us_phone": ("PHONE", us_phone),
    "email": ("EMAIL", email),
    "cn_id": ("CN_ID", cn_id),
    "card": ("CARD", card),
    "zh_name": ("NAME", zh_name),
    "zh_name2": ("NAME", zh_name),
    "zh_surname": ("NAME", lambda rng: rng.choice(_SURNAMES)),
    "us_name": ("NAME", us_name),
    "us_first": ("NAME", lambda rng: rng.choice(_FIRST)),
    "us_last": ("NAME", lambda rng: rng.choice(_LAST)),
    "pinyin_name": ("NAME", lambda rng: rng.choice(_PINYIN)),
    "ssn": ("SSN", ssn),
    "cn_passport": ("PASSPORT", cn_passport),
    "us_passport": ("PASSPORT", us_passport),
    "cn_plate": ("PLATE", cn_plate),
    "us_plate": ("PLATE", us_plate),
    "uk_plate": ("PLATE", uk_plate),
    "iban": ("IBAN", iban),
    "ipv4": ("IP", ipv4),
    "ipv6": ("IP", ipv6),
    "account": ("ACCOUNT", account),
    "login": ("ACCOUNT", handle),
    "pin": ("PIN", lambda rng: _digits(rng, 6)),
    "pin4": ("PIN", lambda rng: _digits(rng, rng.choice((4, 4, 6)))),
    "otp": ("PIN", lambda rng: _digits(rng, rng.choice((4, 6)))),
    "cvv": ("PIN", lambda rng: _digits(rng, 3)),
    "password": ("PIN", lambda rng: rng.choice(_WORDS).capitalize() + _digits(rng, 4) + rng.choice(("", "!", "#x"))),
    "zh_birth": ("BIRTH_DATE", zh_birth),
    "us_birth": ("BIRTH_DATE", us_birth),
    "zh_address": ("ADDRESS", zh_address),
    "us_address": ("ADDRESS", us_address),
    "handle": ("HANDLE", handle),
    "qq": ("HANDLE", lambda rng: rng.choice("123456789") + _digits(rng, rng.choice((7, 8, 9)))),
}
PLAIN: Final[dict[str, Draw]] = {
    "order": lambda rng: rng.choice(
        (
            _digits(rng, 8),
            _digits(rng, 10),
            _digits(rng, 12),
            "#" + _digits(rng, 5),
            _stamped(rng, 6),
            "A" + _digits(rng, 7),
            f"{_digits(rng, 3)}-{_digits(rng, 7)}-{_digits(rng, 7)}",
        )
    ),  # noqa: E501
    "long_order": lambda rng: rng.choice(
        (_stamped(rng, 10), _stamped(rng, 20), "42000" + _digits(rng, 23), "TX" + _digits(rng, 14))
    ),  # noqa: E501
    "track": lambda rng: rng.choice(
        (
            "SF" + _digits(rng, 13),
            "JDX" + _digits(rng, 12),
            "YT" + _digits(rng, 13),
            "1Z" + _upper(rng, 3) + _digits(rng, 13),
            "7" + _digits(rng, 13),
            "9400" + _digits(rng, 18),
        )
    ),  # noqa: E501
    "amount": _amount,
    "date": _date,
    "clock": lambda rng: f"{rng.randrange(24)}:{rng.randrange(60):02}",
    "sec": lambda rng: f"{rng.randrange(60):02}",
    "small": lambda rng: str(rng.randrange(2, 2000)),
    "flight": lambda rng: _upper(rng, 2) + _digits(rng, 4),
    "train": lambda rng: rng.choice("GDKZ") + str(rng.randrange(1, 9000)),
    "model": lambda rng: f"{_upper(rng, 2)}-{_digits(rng, 3)}{_upper(rng, 1)}",
    "sku": lambda rng: rng.choice((_digits(rng, 12), f"{_upper(rng, 3)}{_digits(rng, 5)}")),
    "barcode": lambda rng: "69" + _digits(rng, 11),
    "version": lambda rng: f"{rng.randrange(1, 12)}.{rng.randrange(20)}.{rng.randrange(20)}",
    "ticket": lambda rng: f"{rng.choice(('CS', 'INC', 'RMA'))}{rng.choice(('', '-'))}{_digits(rng, 7)}",
    "serial": lambda rng: _upper(rng, 3) + _digits(rng, 8),
    "coupon": lambda rng: f"{rng.choice(('SAVE', 'VIP', 'NEW'))}{_digits(rng, 2)}{_upper(rng, 2)}",
    "conf": lambda rng: _upper(rng, 6),
}
