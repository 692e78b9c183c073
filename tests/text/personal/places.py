"""Draws postal addresses, Chinese and United States, from whole ones down to a street with its number."""

from random import Random

CITIES = [
    tuple(place.split("|"))
    for place in (
        "北京市|朝阳区 北京市|海淀区 上海市|浦东新区 上海市|徐汇区 "
        "重庆市|渝中区 广东省深圳市|南山区 广东省广州市|天河区 浙江省杭州市|西湖区 "
        "江苏省苏州市|吴中区 四川省成都市|武侯区 湖北省武汉市|洪山区 陕西省西安市|雁塔区 "
        "山东省青岛市|市南区 福建省厦门市|思明区 河南省郑州市|金水区 湖南省长沙市|岳麓区 "
        "河北省石家庄市|长安区 江苏省苏州市|昆山市 浙江省金华市|义乌市 云南省大理白族自治州|大理市 "
        "新疆维吾尔自治区乌鲁木齐市|天山区 安徽省合肥市|肥西县 江西省赣州市|于都县 内蒙古自治区呼和浩特市|赛罕区 "
    ).split()
]
ROADS = (
    "建国路 中山北路 人民东路 解放大道 长江西路 文三路 学院路 科技园南路 "
    "世纪大道 望京西路 天府三街 金鸡湖大道 和平里西街 五四路 延安中路 虹桥路 "
    "珞喻路 "
).split()
ESTATES = (
    "阳光花园 金地名苑 万科城 碧桂园 绿城桂花园 龙湖时代天街 "
    "保利国际公寓 东方家园 翠湖天地 幸福里小区 建业新村 中海锦苑 "
).split()
STREET_NAMES = [
    "Main", "Oak", "Maple", "Elm", "Washington", "Park", "Cedar", "Lake", "Hill", "Sunset", "Jefferson", "Willow Creek",
    "Highland", "5th", "42nd", "Riverside", "Pine Ridge", "Martin Luther King", "Van Buren", "Saint Mary's",
]  # fmt: skip
SUFFIXES = (
    "Street St St. Avenue Ave Ave. Road Rd Drive Dr. Lane Ln Boulevard Blvd Court Ct Way Place Circle Parkway"
).split()
TOWNS = [
    ("Springfield", "IL", "62704"), ("Austin", "TX", "78701"), ("San Francisco", "CA", "94107"),
    ("Boston", "MA", "02118"),
    ("New York", "NY", "10001"), ("Salt Lake City", "UT", "84101"), ("Miami", "FL", "33130"),
    ("Seattle", "WA", "98104"),
    ("St. Louis", "MO", "63101"), ("Portland", "OR", "97204-1234"), ("Denver", "Colorado", "80202"),
    ("Charlotte", "North Carolina", "28202"), ("Phoenix", "Arizona", "85004"),
]  # fmt: skip


def _house(rng: Random) -> str:
    return rng.choice(["{}号", "{}号", "{}-1号", "{}弄{}号"]).format(rng.randrange(1, 400), rng.randrange(1, 60))


def _flat(rng: Random) -> str:
    unit, floor, room = rng.randrange(1, 7), rng.randrange(1, 30), rng.randrange(1, 5)
    form = "{b}栋{u}单元{r}室|{b}号楼{u}单元{r}|{b}幢{r}室|{b}座{r}室|{b}栋{r}|{b}号楼{r}室|{f}楼{r}室"
    form = rng.choice(form.split("|"))
    return form.format(b=rng.choice(["1", "3", "12", "A", "B", "7"]), u=unit, f=floor, r=f"{floor}0{room}")


def cn_address(rng: Random) -> str:
    """From "广东省深圳市南山区科技园南路12号阳光花园3栋2单元1501室" down to "文三路12号"."""
    city, district = rng.choice(CITIES)
    road, estate = rng.choice(ROADS), rng.choice(ESTATES)
    form = "{c}{d}{r}{h}{e}{f}|{c}{d}{r}{h}{e}{f}|{c}{d}{r}{h}|{c}{d}{e}{f}|{d}{r}{h}|{d}{r}{h}{f}|{r}{h}{e}{f}"
    form = rng.choice((form + "|{c} {d} {r}{h} {e}{f}|{d}{e}{f}|{r}{h}").split("|"))
    return form.format(c=city, d=district, r=road, h=_house(rng), e=estate, f=_flat(rng))


def us_address(rng: Random) -> str:
    """From "12 Oak Street, Apt 4B, Springfield, IL 62704" down to "12 Oak Street"."""
    town, state, code = rng.choice(TOWNS)
    point = rng.choice(["", "", "N ", "South ", "W. "])
    street = f"{rng.randrange(1, 19999)} {point}{rng.choice(STREET_NAMES)} {rng.choice(SUFFIXES)}"
    flat = rng.choice(["", "", ", Apt {n}", ", Apt {n}B", " Apt. {n}", ", Suite {n}00", " #{n}", ", Unit {n}"])
    form = "{s}{u}, {t}, {a} {z}|{s}{u}, {t}, {a} {z}|{s}{u}, {t} {a} {z}|{s}{u}|{s}{u}, {t}, {a}|{s}{u}, {t}"
    unit = flat.format(n=rng.randrange(1, 30))
    return rng.choice(form.split("|")).format(s=street, u=unit, t=town, a=state, z=code)
