"""Postal addresses: Chinese ones from province down to the door, United States ones from house number to ZIP.

    我住在上海市徐汇区漕溪北路88号1203室 -> 上海市徐汇区漕溪北路88号1203室
    ship to 12 Oak St, Apt 4, Springfield, IL 62704, thanks -> 12 Oak St, Apt 4, Springfield, IL 62704

A city or district alone is no address and stays.
"""

import re

from refinery.text.kinds.shape import ADDRESS, HAN, Pattern, whole

_NUM = "(?:[0-9]{1,5}|[一二三四五六七八九十百]{1,4})"
_BUILDING = "[A-Za-z0-9一二三四五六七八九十]{1,4}(?:号楼|[栋幢座])"
_ROOM = rf"(?:{_NUM}(?:室|号房|户|房间?)|[0-9]{{3,4}}|[A-Za-z][0-9]{{3,4}})"
_INSIDE = rf"(?:{_NUM}单元|{_NUM}(?:室|号房)|{_NUM}[楼层][ -]?{_ROOM})"
_MORE = rf"(?:[ -]?(?:{_BUILDING}|{_NUM}单元|{_NUM}[楼层]|{_ROOM})){{0,4}}"
_DOORS = rf"(?:{_BUILDING}|{_INSIDE}){_MORE}"
_ROAD = rf"{HAN}{{1,12}}(?:大街|大道|公路|胡同|路|街|道|巷|弄|里)(?:[东西南北中][段街路]|[一二三四五六七八九]段)?"
_ROAD_NUM = rf"[ ]?(?:{_NUM}[弄巷]{_NUM}号|{_NUM}(?:-[0-9]{{1,4}})?[号弄巷])院?"
_ESTATE = r"[㐀-鿿A-Za-z0-9·]{2,14}?"
_NAMED = rf"{HAN}{{2,10}}(?:大厦|花园|小区|广场|公寓|家园|中心|大楼|园区|学校|医院|酒店|新村|名苑|写字楼)"
_ADMIN = rf"(?:{HAN}{{1,12}}(?:省|自治区|市|自治州|地区|区|县|旗|州|盟|镇|乡|街道)[ ]?){{1,5}}"
_ZH = (
    rf"((?:{_ADMIN})?{_ROAD}{_ROAD_NUM}(?:[ ]?(?:{_ESTATE})?[ ]?{_DOORS}|[ ]?{_NAMED})?"
    rf"|{_ADMIN}{_ESTATE}[ ]?{_DOORS}"
    rf"|{HAN}{{2,14}}[ ]?{_BUILDING}[ ]?(?:{_INSIDE}|{_ROOM}){_MORE}"
    rf"|{_ADMIN}{HAN}{{1,8}}[村庄屯寨](?:{_NUM}[组队社])?(?:{_NUM}号)?)"
)
_ZH_TRIGGER = (
    "[路街道巷弄里同段].?[0-9一二三四五六七八九十百]{1,5}[^㐀-鿿]{0,5}[号弄巷]"
    "|[A-Za-z0-9一二三四五六七八九十](?:号楼|[栋幢座]|单元|室|号房)"
    "|[0-9一二三四五六七八九十百][楼层].?[A-Za-z0-9一二三四五六七八九十百]"
    f"|[省市区县旗州盟镇乡道] ?{HAN}{{1,8}}[村庄屯寨]"
)
_LEAD = re.compile(
    "^.*(?:[寄退送发]回|[在到是为住寄送往至去给址我您你他她它们的了吧请叫填]|从(?!化)|查一?下|看一?下|改成|换成|写成|位于|地点|收货|快递|上门"
    "|安装|取件|维修)",
    re.DOTALL,
)
"""What a sentence may say before a place that is glued to it; none of it stands in names of places."""
_NO_ROADS = re.compile(
    "(?:知道|通道|频道|渠道|轨道|跑道|赛道|管道|味道|报道|难道|街道|线路|电路|网路|走路|思路|铁路|套路|上路|半路"
    "|迷路|一路|马路|逛街|里|公里)$"
)
_SUFFIX = (
    "Streets?|St|Avenue|Ave|Av|Road|Rd|Drive|Dr|Lane|Ln|Boulevard|Blvd|Court|Ct|Way|Place|Pl|Circle|Cir|Parkway"
    "|Pkwy|Highway|Hwy|Terrace|Ter"
    "|Trail|Trl|Square|Sq|Plaza|Alley|Loop|Crescent|Turnpike|Expressway"
)
_POINT = "(?:(?:[NSEW]|NE|NW|SE|SW|North|South|East|West)[.]?[ ])?"
_UNIT = (
    r"(?:,?[ ](?:(?:Apt|Apartment|Suite|Ste|Unit|Floor|Fl|Room|Rm|Building|Bldg"
    r"|Lot)[.]?[ ]?#?[ ]?[0-9]{0,5}[A-Za-z]?(?:-[0-9A-Za-z]{1,4})?|#[ ]?[0-9A-Za-z]{1,6}))?"
)
_STATES = (
    "A[LKZR]|C[AOT]|D[CE]|FL|GA|HI|I[DLNA]|K[SY]|LA|M[EDAINSOT]|N[EVHJMYCD]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[TA]"
    "|W[AVIY]|Alabama|Alaska|Arizona|Arkansas"
    "|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|Indiana|Iowa|Kansas|Kentucky"
    "|Louisiana|Maine|Maryland"
    "|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|Montana|Nebraska|Nevada|New[ ](?:Hampshire|Jersey"
    "|Mexico|York)|North[ ](?:Carolina|Dakota)"
    "|Ohio|Oklahoma|Oregon|Pennsylvania|Rhode[ ]Island|South[ ](?:Carolina|Dakota)|Tennessee|Texas|Utah|Vermont"
    "|Virginia|Washington|West[ ]Virginia"
    "|Wisconsin|Wyoming"
)
_TOWN = r"[A-Z][A-Za-z.'-]{1,20}(?:[ ][A-Z][A-Za-z.'-]{1,20}){0,2}"
_TAIL = (
    rf"(?:,?[ ]{_TOWN},?[ ](?:{_STATES})(?:,?[ ][0-9]{{5}}(?:-[0-9]{{4}})?)?"
    rf"|,[ ]{_TOWN}(?:[ ][0-9]{{5}}(?:-[0-9]{{4}})?)?|,?[ ][0-9]{{5}}(?:-[0-9]{{4}})?)?"
)
_EN = (
    rf"(?:^|[^0-9A-Za-z.$€£#-])([0-9]{{1,6}}[A-Za-z]?(?:-[0-9]{{1,4}})?[ ]{_POINT}"
    rf"(?:(?:[0-9]{{1,3}}(?:st|nd|rd|th)|[A-Z][A-Za-z.'-]{{0,20}})[ ]){{1,4}}(?:{_SUFFIX})[.]?(?:[ ](?:[NSEW]|NE"
    rf"|NW|SE|SW))?{_UNIT}{_TAIL})(?:$|[^0-9A-Za-z-])"
)
_EN_SMALL = (
    rf"(?:^|[^0-9A-Za-z.$€£#-])([0-9]{{1,6}}[A-Za-z]?[ ](?i:{_POINT}(?:(?:[0-9]{{1,3}}(?:st|nd|rd|th)"
    rf"|[a-z][a-z'-]{{1,20}})[ ]){{1,2}}"
    rf"(?:street|st|avenue|ave|road|rd|lane|ln|boulevard|blvd|drive|dr|court|ct)[.]?{_UNIT}))(?:$|[^0-9A-Za-z-])"
)
_NO_STREET = re.compile(
    r"(?i)\b(?:the|a|an|of|my|your|our|down|up|on|in|at|for|to|and|or|miles?|minutes?|mins?|hours?|days?|times?"
    r"|km|percent|people|stars?|way|ways|this|that"
    r"|is|was|from|with|per|long|short|main|hard|test|orders?|items?|pack|inch|piece|degree|speed|door|seat"
    r"|person|lane)\b"
)
_NO_HOUSE = re.compile(
    r"(?i)^[0-9]+ (?:floor|rooms?|level|bed|num)\b|\b(?:national|provincial|county|state|township) (?:highway|road)"
)
_NO_TOWN = frozenset("Please Thanks Thank And The My I Can Could But Or It Is Not Yes No Also".split())
_PO_BOX = rf"(?:^|[^A-Za-z])((?i:p[.]?[ ]?o[.]?[ ]?box)[ ]?#?[0-9]{{1,6}}{_TAIL})(?:$|[^0-9A-Za-z])"


def _chinese(value: str, before: str, after: str) -> tuple[int, int] | None:
    """From the first character that belongs to the place: what a sentence says before it is glued on."""
    head = re.match(r"[\u3400-\u9fff ]*", value)
    run = head[0] if head else ""
    start = lead.end() if (lead := _LEAD.match(run[:-1])) else 0
    start += len(value[start:]) - len(value[start:].lstrip())
    rest = value[start:]
    road = re.match(
        r"([\u3400-\u9fff ]*?)[ ]?(?:[0-9A-Za-z]|[一二三四五六七八九十百]{1,4}(?:号|弄|巷|院|栋|幢|座))", rest
    )
    name = road[1] if road else ""
    if len(name.strip()) < 2 or (_NO_ROADS.search(name) and not re.search("[省市县区镇]", name[:-2])):
        return None
    return start, len(value)


def _american(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Without what follows a comma and is no town."""
    if _NO_HOUSE.search(value):
        return None
    head, comma, tail = value.rpartition(", ")
    if comma and tail.split(" ")[0].rstrip(".,") in _NO_TOWN:
        return 0, len(head)
    return whole(value)


def _small(value: str, before: str, after: str) -> tuple[int, int] | None:
    return None if _NO_STREET.search(value) else _american(value, before, after)


_EN_TRIGGER = (
    rf"[0-9][A-Za-z]?[ ](?:(?:[A-Z]|[0-9]{{1,3}}[a-z])[A-Za-z.'-]*[ ]){{1,5}}(?:{_SUFFIX})"
    rf"|[0-9][A-Za-z]?[ ](?i:(?:[a-z0-9][a-z.'-]+[ ]){{1,3}}(?:street|st|avenue|ave|road|rd|lane|ln|boulevard"
    rf"|blvd|drive|dr|court|ct))"
)
_BOX_TRIGGER = r"(?i:p[.]?[ ]?o[.]?[ ]?box)"
PATTERNS = (
    Pattern(ADDRESS, _EN, _american, _EN_TRIGGER),
    Pattern(ADDRESS, _EN_SMALL, _small, _EN_TRIGGER),
    Pattern(ADDRESS, _PO_BOX, None, _BOX_TRIGGER),
    Pattern(ADDRESS, _ZH, _chinese, _ZH_TRIGGER),
)
