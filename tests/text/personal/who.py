"""Draws names of people, Chinese and English; the lists are made up here and shared with nothing that is measured."""

from random import Random

SURNAMES = list(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊"
    "金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申尤毕聂丛焦向柳邢路岳齐梅莫庄辛管祝左涂谷祁"
    "时舒耿牟卜詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍位覃霍翁隋植甘景薄单包司柏宁柯阮桂闵解强柴华车冉房边辜吉饶刁瞿戚丘古米池滕晋苑邬臧畅宫来嵺苟全褚廉简娄盖符奚木穆党燕郎邸冀谈姬屠连郜晏栾郁商蒙计喻揭窦迟宇敖糜鄢冷卓花仇艾蓝都巩稽井练仲乐虞卞封竺冼原官衣楚佟栗匡宗应台巫鞠僧桑荆谌银扬明沙薄伏岑习胥保和蔺"
)
COMPOUND = "欧阳 司马 上官 诸葛 司徒 慕容 夏侯 皇甫 尉迟 公孙 令狐 端木".split()
GIVEN = list(
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红飞玲燕彬浩宇轩梓涵欣怡雨泽子豪诗雅婷雪梅琳晨曦佳琪思颖志鹏文博俊熙天佑海波建国春晓东林峰辉凯丹蕾莹倩慧颖瑶欢乐宁安康瑞祥龙凤鑫淼森焱"
)
FIRST = (
    "James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan "
    "Joseph Jessica "
    "Carlos Maria Luis Sofia Wei Mei Hiroshi Yuki Priya Raj Ahmed Fatima Olga Ivan Chloe Liam Noah Emma Aisha Kwame "
    "Siobhan Sean Zoe Ethan Grace Hannah Tyler Brittany DeShawn Latoya Xavier Dmitri Ingrid Lars"
).split()
LAST = (
    "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Wilson Anderson Thomas "
    "Nguyen Patel Kim Chen Wang Tanaka Kowalski Ivanov Schmidt O'Brien McDonald Fitzgerald Okafor Haddad Cohen "
    "Garcia-Lopez Santos Silva Rossi Larsson Petrov Yamamoto Singh Murphy Whitaker Abernathy Delgado Nakamura"
).split()


def _surname(rng: Random) -> str:
    """The first hundred are those of 85 in a hundred people; the rest are drawn alike."""
    return rng.choice(SURNAMES[:100] if rng.random() < 0.85 else SURNAMES[100:])


def cn_name(rng: Random) -> str:
    surname = rng.choice(COMPOUND) if rng.random() < 0.05 else _surname(rng)
    return surname + "".join(rng.choices(GIVEN, k=rng.choice([1, 2, 2])))


def cn_surname_title(rng: Random) -> str:
    return _surname(rng) + rng.choice(["先生", "女士", "小姐"])


def us_first(rng: Random) -> str:
    return rng.choice(FIRST)


def us_last(rng: Random) -> str:
    return rng.choice(LAST)


def us_name(rng: Random) -> str:
    middle = rng.choice(["", "", "", "", f" {rng.choice('ABCDEJKLMRST')}."])
    return f"{rng.choice(FIRST)}{middle} {rng.choice(LAST)}"


def us_name_lower(rng: Random) -> str:
    return f"{rng.choice(FIRST)} {rng.choice(LAST)}".lower()
