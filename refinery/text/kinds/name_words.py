"""Words that tell names from other words: Chinese surnames, given names in English, and words that are none.

The lists are short on purpose: they decide only where a cue says that a name may follow and the words could be others.
"""

SURNAMES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏窦章云苏潘葛奚范彭郎鲁韦马苗凤方俞"
    "任袁柳酆鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄穆萧尹姚邵湛汪祁毛禹狄米贝明"
    "臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝"
    "管卢莫房裘缪干解应宗丁宣贲邓郁单杭洪包诸左石崔吉钮龚程嵇邢裴陆荣翁荀羊於惠甄曲封芮羿储靳汲邴糜松井段富巫乌焦"
    "巴弓牧隗谷车侯宓蓬全郗班仰仲伊宫宁仇栾甘钭厉戎祖武符刘景詹束龙叶幸司韶郜黎蓟薄印宿白怀蒲邰鄂索咸籍赖卓蔺屠蒙"
    "池乔阴胥苍闻莘党翟谭贡劳逄姬申扶堵冉宰郦雍郤璩桑桂濮牛寿边扈燕冀郏浦尚农温庄晏柴瞿阎慕连茹习宦艾鱼容向古易慎"
    "戈廖庾暨居衡耿满弘匡国文寇广禄阙东欧殳沃利蔚夔隆师巩厍聂晁勾敖融冷訾辛阚简饶曾毋沙乜鞠丰巢关蒯相查荆游竺权逯"
    "盖桓肖付闫丘覃邸苟楚邝岳兰佟靖仝尧鹿谌官冼粟操牟谯佘帅宾阳涂展仉闪母狐练仙招原刑冶税祈寻智揭楼盘伦宛佀鄢禤蹇撒"
    "莎晋栗崇荔奉芦迟苑"
)
"""The Hundred Family Surnames and those common today, without some that are common words (水, 家, 通)."""
COMPOUND = frozenset(
    (
        "欧阳 上官 司马 诸葛 司徒 东方 独孤 南宫 慕容 夏侯 皇甫 尉迟 公孙 令狐 端木 宇文 长孙 轩辕 闻人 澹台 呼延 "
        "钟离 百里 申屠 太史 完颜 赫连 拓跋 纳兰 公羊 濮阳 淳于 单于 万俟"
    ).split()
)
NOT_GIVEN = frozenset(
    "的了是在有我你您他她它们个不这那就也都要会没还再从被把给让跟对或但而且因所吗呢吧啊哦呀嘛么什怎哪谁几两些每"
    "各第次件号码店务员机票手电话卡钱块费退换货款收到去回查问打叫说看买卖用付订送取拿找很太最只后里外上"
    "下住址写填错改办级色点该呗啦喔嗯喂噢唉，。昨今早晚已曾未将"
)
"""Characters that no given name begins with, and hardly one holds."""
NO_NAMES = frozenset(
    (
        "费时 费用 费力 费心 费率 费劲 "
        "利益 利率 周旋 周转 平均 金币 时效 安抚 荣幸 高清 高层 关联 关键 关心 管用 相应 相机 单方 单机 全额 全面 通话 "
        "原因 原来 原价 原装 原件 原卡 原先 原本 原路 原订 原单 原商 原包 原地 原图 原始 "
        "安装 安排 安全 安静 安心 安卓 高兴 高铁 高速 高级 高中 高考 高管 高价 高德 黄金 黄色 黄牛 黄山 黄河 白色 "
        "白天 白领 白金 马上 马路 马桶 马云 方便 方法 方案 方式 方向 任何 任务 任意 常常 常客 时间 时候 时尚 时段 "
        "程序 程度 金额 金融 金卡 金牌 金币 金属 应该 应用 应急 应当 关于 关机 关闭 关注 关系 成功 成都 成本 成员 "
        "成年 成人 和平 平台 平时 平板 平安 平均 平常 明天 明白 明确 明明 全部 全国 全额 全程 全新 全家 全款 单独 "
        "单子 单身 单品 路上 路由 路人 路过 江苏 江西 江南 江北 温度 温馨 温州 毛病 毛巾 包裹 包装 包邮 包括 包含 "
        "包月 钱包 计划 计算 计费 支付 支持 支行 司机 司法 宁波 宁夏 宁愿 广东 于是 万一 万元 万分 万科 万达 文件 "
        "文字 文档 文化 武汉 武警 牛奶 牛肉 车主 车票 车牌 车型 车位 车间 车辆 车载 印象 党员 强烈 强制 解决 解释 "
        "解绑 解冻 解除 解锁 容易 易购 左右 左边 顾客 华为 华东 华南 华北 项目 简单 简直 连接 连续 连锁 石家 洪水 "
        "边上 权限 权益 权利 高峰 张家 张口 严重 严格 严肃 利息 利用 国家 国内 国外 国庆 国际 云南 云端 荣誉 荣耀 "
        "向您 向你 向贵 查询 查看 查到 查收 平凡 相关 相信 相同 元旦 元月 居民 居住 尚未 游戏 游客 管理 管家 宣传 "
        "惠普 施工 施行 祝您 祝你 祝福 严禁 汤包 米饭 古董 席位 师傅 师父 师兄 满意 满足 满减 卫生 卫星 麻烦 麻辣 "
        "幸运 幸福 封号 封面 封闭 乐视 乐意 富士 储值 储蓄 储存 官方 官网 明细 明显 展示 展开 智能 智慧 索赔 索取 "
        "容量 印刷 隆重 干净 干嘛 阴天 束手 东西 东方 和谐 和你 和您 和我 和他 时代 程先 国美 国航 东航 平日 李宁 "
        "安踏 白条 金立 魏则 余额 余下 余款 何时 何人 何况 何种 何处 何必 何来 任性 常见 常用 常州 段时 周一 周二 "
        "周三 周四 周五 周六 周日 周末 周边 周年 周期 周到 江湖 严选 谢谢 谢了 谢啦 郑重 郑州 许多 许可 苏宁 苏州 "
        "钟头 钟点 田园 房间 房子 房东 房租 房产 房屋 舒服 舒适 雷达 雷同 史上 汤臣 康师 金山 金条 温水 莫名 莫非 "
        "章程 包厢 包车 单价 单人 单程 单据 成交 连带 连忙 路程 路线 路口 路费 车费 车厢 车次 牛仔 牛逼 熊猫 马达 "
        "石油 石化 沙发 沙滩 米粉 米线 盘子 楼上 楼下 楼层 楼主 班级 班次 班车 闻到"
    ).split()
)
"""Words of two characters that begin with a surname's."""

GIVEN = frozenset(
    (
        "aaliyah aarav aaron abdul abdullah abigail ada adam addison adeline aditya adrian ahmad ahmed aisha akash "
        "akiko akira alan albert alejandro alex alexander alexandra alexei alexey alexis ali alice alicia alina "
        "alison allison amanda amaya amber amelia amina amir amit amy ana ananya anastasia andre andrea andrei andrew "
        "andy angel angela angelica anil anita anjali ann anna anne annie anthony antonio anwar anya aparna aria "
        "ariana arianna arjun arthur asher ashley athena aubrey audrey aurora austin ava avery ayden barbara beatrice "
        "becky bella ben benjamin bernard beth betty beverly bianca bilal bill billy blake bob bobby boris brad "
        "bradley brandon brayden brenda brent brett brian brianna brittany brooke bruce bryan bryson caleb cameron "
        "camila camille carl carla carlos carmen carol caroline carolyn carrie carter catherine cecil celeste chad "
        "charles charlie charlotte chen cheng cheryl chloe chris christian christina christine christopher cindy "
        "claire clara clarence claudia clifford clint cole colin colton connor cora corinne craig curtis cynthia "
        "daisuke daisy dale dan dana daniel daniela danielle danny darlene darnell darren dave david dean deborah "
        "debra deepak delilah denise dennis derek derrick deshawn destiny diana diane diego divya dmitri dmitry "
        "dmytro dominic dominique don donald dong donna doris dorothy doug douglas duncan dustin dwayne dwight dylan "
        "earl easton ebony edith edward eileen elaine eleanor elena eli elias elijah elizabeth ella ellen ellie emeka "
        "emilia emily emma eric erica erik erika erin ernest estelle esther ethan ethel eugene eva evan evelyn everly "
        "ezra faisal farah fatima felix feng fernando fiona florence floyd frances francesca francis francisco frank "
        "fred frederick gabriel gabriela gabriella galina gary gaurav gavin genevieve george georgia gerald geraldine "
        "gianna gina giovanni giselle gladys glen glenn gloria gordon grace graham grayson greg gregory guang gustavo "
        "hailey haley hamza hannah hans harold harper harry haruka haruto harvey hassan hazel heather hector heidi "
        "helen henry hiroshi holly howard hudson hugh hugo hui hunter hussein ian ibrahim igor imani imran ines "
        "ingrid irene irina iris isaac isabel isabella isabelle ismail ivan jack jackie jackson jacob jacqueline jake "
        "jamal james jamie jamila jan jane janet janice jared jasmine jason javier jaxon jay jayden jean jeff jeffrey "
        "jen jenna jennifer jenny jeremy jerome jerry jesse jessica jian jie jill jim jimmy jing joan joanna jocelyn "
        "joe joel johan john johnny jon jonathan jordan jorge jose joseph josephine joshua josiah josé joyce juan "
        "juanita judith judy julia julian julie juliet jun justin kai kamal karen karim karl katarina kate katelyn "
        "katherine kathleen kathryn kathy katie katya kavita kayden kayla kaylee kazuki keisha keith kelly ken kendra "
        "kenji kenneth kenta kevin khadija khalid kiara kim kimberly kinsley kiran kirk kofi kristen kristin kumar "
        "kurt kwame kyle lakshmi lakshya lamar lan lance landon lara larisa larry lars latoya laura lauren lawrence "
        "layla leah lee lei leila leo leon leonard leonardo leroy leslie leticia levi leyla li liam lillian lily "
        "lincoln linda ling linh lisa liz lloyd logan lois lorraine louis louise luca lucas lucia lucy ludmila luis "
        "luke luna lydia lynn mackenzie madelyn magdalena maggie mahmoud malik mandy manish manuel marc marcela marco "
        "marcus margaret maria mariah mariam marie mariko marilyn marina mario maritza marjorie mark marlene marta "
        "martha martin marvin mary maría mason mateo matt matthew max maya meera meg megan mehmet mei melanie melissa "
        "melvin mia michael michelle miguel mike mikhail mila mildred ming mingming miranda mohamed mohammad mohammed "
        "molly monica morgan muhammad mustafa nadia nadine nancy naoki naomi nasser natalia natalie natalya natasha "
        "nathan neha neil nevaeh ngozi nguyen nicholas nick nicole nikhil nikita nikolai nina noah noelle nolan noor "
        "nora norma oleg olga oliver olivia oluwaseun omar oscar owen pablo paige pam pamela paolo patricia patrick "
        "paul paula pavel pedro peggy penelope peng penny pete peter petra peyton phil philip phillip pierre piper "
        "polly pooja pradeep priya qiang qing quinn rachel rafael rahul raj rajesh ralph ramon ramona randy rania "
        "raphael raul ravi ray raymond rebecca reggie reginald rekha renee rhonda ricardo richard rick ricky riley "
        "rita rob robert roberto robin rodney rodrigo roger rohan ron ronald rong rosa rosalind rose rosemary ross "
        "roy ruby russell ruth ryan sabrina sachin sadie sakura sally salma sam samantha samir samira samuel sana "
        "sandra sanjay sara sarah savannah scarlett scott sean sebastian selena sergei sergey sergio seth shan shane "
        "shannon shanti sharon shawn sheila shinji shirley shreya simon siobhan skylar sofia soledad sonia sophia "
        "sophie stacey stacy stanley stella stephanie stephen steve steven stuart sue sunil sunita suresh susan "
        "suzanne sven svetlana sydney sylvia takashi tamara tammy tanner tanya tao tara tariq tatiana tatyana ted "
        "teresa terrence terry thandiwe theodore theresa thomas tiffany tim timothy tina todd tom tommy tony tonya "
        "tracey tracy travis trent trevor troy tyler tyrone uma usman valentina valeria valerie vanessa vera veronica "
        "victor victoria vijay vikram viktor vincent vinod violet virginia vivian vladimir wade wallace walter wanda "
        "wang wayne wei wen wendy wesley william willie willow wyatt xavier xiao xiaoming ximena xin xiu yan yara "
        "yasmin yesenia ying yolanda yong yu yuan yuki yun yuri yusra yusuf yuto yvonne zach zachary zahra zainab "
        "zhang zhen zhi zoe zoey zofia"
    ).split()
)
"""Given names that stand for a person where a cue is weak: `I'm Dana`, `Name: Ada Lovelace`."""

NO_PERSON = frozenset(
    (
        "china unicom telecom mobile customer's microblog weibo little earl grey gray method contact registration "
        "actually anyway basically certainly definitely exactly hang hey hm hmm hold maybe ma'am mhm oh perhaps "
        "really sorry sorta though "
        "um uh unfortunately usually wait well whatever wow yep yup nah nope np thx pls plz idk lol haha "
        "i'm i've i'll i'd it's we're you're they're that's there's he's she's what's let's don't can't won't "
        "isn't didn't im "
        "a about above after again all already also always am an and any anyone apple are as ask asking at "
        "available away back bad be because been before being below better between black blue booked both but by "
        "call calling can cancel cancelled care chat checking chinese christian clear closed code confused "
        "contacting correct could currently customer dear disappointed do does done down each email english every "
        "excited experiencing fine first following for from full general getting given glad going gold good got "
        "great green had happy hard has have having hello help her here hers hi his hope hoping how however i if in "
        "incorrect interested is it its just know late later leaving left let like line list listed living locked "
        "looking lost love mad making man many may me mean member might mine misspelled miss missing mr mrs ms dr "
        "more most my name near need never new nice no none nope not nothing now number of off ok okay old on once "
        "one only open or order other our ours out over paying phone please pleased premium prime private quick "
        "quite ready really red related requesting required right running sad same saying see sending she should "
        "showing silver sir so some someone something sorry spelled spelt still stuck such sure system test than "
        "thank thankful thanks that the their them then there these they thing this those tired to today together "
        "told tomorrow too traveling trying under unable unhappy until up upset us use user using very vip visa "
        "waiting want wanting was we welcome well were what when where whether which while who why will with "
        "without wondering working would writing wrong yes yesterday yet you your yours n/a na null unknown "
        "anonymous guest agent speaking generally strictly frankly american british canadian mexican indian "
        "japanese korean german french spanish italian russian monday tuesday wednesday thursday friday saturday "
        "sunday january february march april june july august september october november december pepper coffee "
        "clean bean martens robot store support service services team account billing company bank hotel airlines "
        "express center department gmail google amazon paypal"
    ).split()
)
"""Words that a name does not begin with, in lower case; a name that was begun ends before them."""
UNSURE = frozenset(
    (
        "will may grace hope joy bill rose art chase rich faith summer april june christian young long price king day "
        "best love page cash case star crystal prince duke judge major eve ivy sunny can an so do he you in ma li "
        "west north south east white brown black green gold stone wood field bell park lake hill rivers banks waters"
    ).split()
)
"""Names that are common words too: not looked for on their own in other texts."""
