"""Names of people behind their cue, Chinese and English: 我叫张伟, 李女士, my name is Ann Lee, Mr. Smith.

What no cue names is not found here; names that fields, tool calls and other turns tell are looked for by
`refinery.text.placeholders`.
"""

import re

from refinery.text.kinds.han_names import (
    FIELD,
    HAN_LINK,
    HAN_NAME,
    TITLE,
    field,
    han_end,
    i_am,
    is_han,
    listed,
    only_surname,
    receives,
    titled,
)
from refinery.text.kinds.latin_names import (
    WORD,
    WORDS,
    given,
    itself,
    labelled,
    latin_end,
    mister,
    person,
    plain_form,
    small_self,
    speaking,
    two,
)
from refinery.text.kinds.name_words import COMPOUND, GIVEN, SURNAMES
from refinery.text.kinds.shape import HAN, NAME, Pattern

_PERSONS_KEY = (
    r"(?i:[\"'](?:[a-z_]*phone|mobile|tel|e?_?mail|passport|id_?card|ssn|dob|birth|gender|sex|age|电话|手机"
    r"|身份证|护照|性别))"
)
_OF_A_PERSON = re.compile(_PERSONS_KEY)


def _quoted(value: str, before: str, after: str) -> tuple[int, int] | None:
    """The value of a key `name`: of a person if it begins with a given name, or if keys beside it are a person's."""
    if found := None if is_han(value[0]) else given(value, before, after):
        return found
    end = han_end(value) if is_han(value[0]) else latin_end(value)
    whole_value = end == len(value) and after[:1] in ('"', "'", "\\")
    return (0, end) if whole_value and _OF_A_PERSON.search(before[-120:] + after) else None


_LABELS = (
    "full|first|last|middle|given|family|customer|passenger|recipient|card[ ]?holder|account[ ]holder|guest"
    "|patient|contact"
    "|client|member|buyer|sender|user|legal|maiden|real|nick|owner|renter|driver"
)
_SEPARATOR = r"[\s:=,(-]*"
_LETTER = r"[A-Za-z\x{c0}-\x{24f}]"
_CAPITAL = r"[A-Z\x{c0}-\x{de}]"
_CAPITALISED = rf"{_CAPITAL}{WORDS.removeprefix(_LETTER)}"
_SURNAME = f"[{''.join(sorted(SURNAMES | {name[0] for name in COMPOUND}))}]"
_HAN_CUES = rf"(?:我(?:的名字)?叫做?|名叫|{FIELD}叫做?|老[公婆]叫|[爸妈]叫|[子女友]叫|{FIELD}{HAN_LINK})"
_AM = r"(?:(?:我|您|你|这)(?:就)?是|(?:转账?|汇款?|打款|寄|送|交)给)[ ]?"
_EN_AM = "(?i:name(?:['’]s|[ ]is|[ ]?:)|recipient|passenger|holder)[ :]*"
_LATIN_CUES = rf"(?:我叫|名字?叫做?|英文名(?:是|为|叫)?|{FIELD}){HAN_LINK}"
_NAME_IS = (
    r"(?i:name(?:['’]s|[ ]is|[ ]was|[ ]would[ ]be|(?:[ ][a-z]+){0,3},?[ ](?:it[ ])?should[ ]be)"
    r"|name[ ]on[ ](?:the|my)[ ][a-z]+[ ]is"
    r"|(?:under|in|to|by)[ ]the[ ]name(?:[ ]of)?)[\s:,\"'“]+"
)
_LABEL = rf"(?i:(?:{_LABELS})[ _-]?(?:and[ ]last[ ])?name|surname){_SEPARATOR}(?i:(?:is|was|it's)[\s:=,(-]+)?"
_FORM_CUE = r"(?:^|[^A-Za-z_ ]|[^a-z] )(?i:name)[ ]?[:=][ ]?"
_QUOTED_CUE = r"(?:^|[^A-Za-z_])(?i:name)[\"']\s*:\s*[\"']"
_PERSON_CUE = (
    r"(?:^|[^A-Za-z])(?i:recipient|passenger|card[ ]?holder|account[ _]?holder|ship[ ]to|send[ ](?:it|this)[ ]to"
    r"|deliver[ ]to|attn|attention"
    r"|contact|customer|guest|patient|registered[ ]to|on[ ]behalf[ ]of|(?:speak|spoke|speaking|talk"
    r"|talking)[ ](?:with|to)|call[ ]me)"
    r"[\s:=,\"'“(-]+(?i:is[ ])?(?i:(?:mr|mrs|ms|dr)[.]?[ ])?"
)
_SELF_CUE = r"(?:^|[^A-Za-z])(?i:this[ ]is|it[ ]is|it['’]?s|i['’]?m|i[ ]am)[ ]"
_KIN_CUE = (
    r"(?i:(?:my|his|her|our|their)[ ](?:daughter|son|wife|husband|brother|sister|mother|father|mom|mum|dad|friend"
    r"|boss|partner"
    r"|colleague|girlfriend|boyfriend|roommate|kid|child|aunt|uncle|cousin|neighbou?r))(?:,|[ ]named)?[ ]"
)
_TITLE_CUE = r"(?:^|[^A-Za-z])(?:(?:Mr|Mrs|Ms|Mx|Dr|Prof|MR|MRS|MS)[.]?|Miss|Mister|Madam)[ ]"
_TWO_CUE = r"(?:^|[^A-Za-z])(?:[Ff]or|[Dd]ear|[Uu]nder|[Bb]y|[Ww]ith|[Ii]s|[Ss]ure|and)[,:]?[ ]"
_FIRST = rf"{_CAPITAL}[a-z\x{{df}}-\x{{24f}}'’-]{{1,20}}[ ]"
PATTERNS = (
    Pattern(NAME, rf"{_HAN_CUES}({HAN_NAME})", field, rf"{_HAN_CUES}{HAN}"),
    Pattern(NAME, rf"\x00[、和及与]({HAN_NAME})", listed, FIELD),
    Pattern(
        NAME,
        rf"\x00[，,、 。；;]{{0,2}}({HAN}{{2,4}})收(?:$|[^0-9A-Za-z㐀-鿿])",
        receives,
        rf"{HAN}收(?:$|[^0-9A-Za-z㐀-鿿])",
    ),
    Pattern(NAME, rf"{_EN_AM}({HAN_NAME})", i_am, rf"{_EN_AM}{_SURNAME}"),
    Pattern(NAME, rf"{_AM}({HAN_NAME})", i_am, rf"{_AM}{_SURNAME}"),
    Pattern(NAME, rf"({HAN}{{1,6}}{TITLE})", titled, rf"{HAN}{TITLE}"),
    Pattern(NAME, rf"(?:我|免贵|本人|鄙人|您|客户|用户)姓[ ]?({HAN}{{1,2}})", only_surname),
    Pattern(NAME, rf"{_LATIN_CUES}({_CAPITALISED})", mister, rf"{_LATIN_CUES}{_CAPITAL}"),
    Pattern(NAME, rf"{_NAME_IS}({WORDS})", labelled, rf"{_NAME_IS}{_LETTER}"),
    Pattern(NAME, rf"{_LABEL}({WORDS})", labelled, rf"{_LABEL}{_LETTER}"),
    Pattern(NAME, rf"(?:^|[^A-Za-z_])(?i:name)[ ]({_CAPITALISED})", person, rf"(?:^|[^A-Za-z_])(?i:name)[ ]{_CAPITAL}"),
    Pattern(NAME, rf"{_FORM_CUE}({_CAPITALISED})", plain_form, rf"{_FORM_CUE}{_CAPITAL}"),
    Pattern(
        NAME,
        rf"{_QUOTED_CUE}({_FIRST}{WORDS}|{HAN}{{2,4}})",
        _quoted,
        rf"{_QUOTED_CUE}(?:(?i:{'|'.join(sorted(GIVEN))})|[^\x00]*{_PERSONS_KEY})|{_PERSONS_KEY}[^\x00]*{_QUOTED_CUE}",
    ),
    Pattern(NAME, rf"{_PERSON_CUE}({_CAPITALISED})", person, rf"{_PERSON_CUE}{_CAPITAL}"),
    Pattern(NAME, rf"{_TWO_CUE}({_FIRST}{_CAPITALISED})", two, rf"{_TWO_CUE}{_FIRST.replace('{1,20}', '+')}{_CAPITAL}"),
    Pattern(NAME, rf"{_SELF_CUE}({_CAPITALISED})", itself, rf"{_SELF_CUE}{_CAPITAL}"),
    Pattern(
        NAME,
        r"(?:^|[^A-Za-z])(?i:this[ ]is)[ ]([a-z][a-z'-]{1,20}(?:[ ][a-z][a-z'-]{1,20}){0,2})[ ](?:speaking|calling)",
        small_self,
        "(?i:this[ ]is)[ ][a-z'-]+(?:[ ][a-z'-]+)*[ ](?:speaking|calling)",
    ),
    Pattern(
        NAME,
        rf"(?:^|[.!?,;:\"'“][ ]?)({WORD}(?:[ ]{WORD}){{0,3}})[ ](?:speaking|here)(?:$|[^A-Za-z])",
        speaking,
        f"{_LETTER}[.]?[ ](?:speaking|here)",
    ),
    Pattern(NAME, rf"{_KIN_CUE}({_CAPITALISED})", given, rf"{_KIN_CUE}{_CAPITAL}"),
    Pattern(NAME, rf"{_TITLE_CUE}({_CAPITALISED})", mister, rf"{_TITLE_CUE}{_CAPITAL}"),
    Pattern(
        NAME,
        r"(?:^|[^A-Za-z])(?:mr|mrs|ms)[.]?[ ]([a-z][a-z'-]{2,20})",
        labelled,
        "(?:^|[^A-Za-z])(?:mr|mrs|ms)[.]?[ ][a-z]",
    ),
)
