"""Where a name in Latin letters ends: at the first word that no name holds, and whether a cue of its strength holds."""

import re

from refinery.text.kinds.name_words import GIVEN, NO_PERSON
from refinery.text.kinds.shape import whole

WORD = r"[A-Za-z\x{c0}-\x{24f}][A-Za-z\x{c0}-\x{24f}'’.-]{0,30}"
WORDS = rf"{WORD}(?:[ ]{WORD}){{0,4}}"
_PARTICLES = frozenset("van von der den de la del di da bin ibn al el dos du le y st".split())
_NOUNS = frozenset("customer client member guest user buyer patient passenger student fan card account order".split())
_PLAIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f'’-]+")


def latin_end(value: str, lower: bool = False) -> int:
    """Where the name ends that the words begin with; 0 where they begin with none. `lower`: small letters too."""
    end = position = 0
    small = False
    words = value.split(" ")
    for number, word in enumerate(words):
        bare = word.strip(".'’-")
        initial = bool(number) and len(bare) == 1 and bare.isupper()
        if (
            not bare
            or not _PLAIN_WORD.fullmatch(bare)
            or (not initial and bare.casefold().replace("’", "'") in NO_PERSON)
        ):
            break
        particle = bare in _PARTICLES and number + 1 < len(words) and words[number + 1][:1].isupper()
        if number and not small and not bare[0].isupper() and not particle:
            break
        if not number and not bare[0].isupper() and not particle:
            if not lower:
                break
            small = True
        if small and number >= 2:
            break
        end = position + len(word.rstrip("'’-") if len(bare) == 1 else word.rstrip(".'’-"))
        if word.endswith(".") and len(bare) > 2:
            break
        position += len(word) + 1
    return end


def goes_on(value: str, end: int, after: str) -> bool:
    """Whether a number or a further word of a product's name follows."""
    return bool(re.match(r"[ -]?[0-9]", (value + after)[end:]))


def labelled(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Behind `my name is` or `last name:`; in small letters, only where something links the two."""
    linked = re.search(r"(?i)(?:is|was|be|it's|'s|’s|[:=]|(?:full|first|last) name|m(?:r|rs|s)\.?)[\s\"'“(-]*$", before)
    end = latin_end(value, lower=bool(linked))
    return (0, end) if end > 1 and not goes_on(value, end, after) else None


def given(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Behind a weak cue: a name that begins with a given name, or with an initial before one."""
    end = latin_end(value)
    return (0, end) if end > 1 and value.split(" ", 1)[0].strip(".").casefold() in GIVEN else None


def two(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Behind a mere preposition: a given name and another one."""
    found = given(value, before, after)
    return found if found and " " in value[: found[1]] and not goes_on(value, found[1], after) else None


def plain_form(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Behind `Name:`, where products have names too: in quotes, or alone, it must begin with a given name."""
    end = latin_end(value)
    if end > 1 and " " in value[:end] and not re.search("[\"'{]", before[-4:]) and not goes_on(value, end, after):
        return 0, end
    return given(value, before, after)


def person(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Behind `recipient:` or `under the name of`: any capitalised words, one alone only if it is a given name."""
    end = latin_end(value)
    if end > 1 and " " in value[:end] and not goes_on(value, end, after):
        return 0, end
    return given(value, before, after)


def itself(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Behind `I'm` and `this is`: a given name, two capitalised words, or what `speaking` follows."""
    follows = re.search(r"[ ](?:speaking|calling|here|from|again)\b", value + after[:12])
    if follows:
        end = latin_end(value[: follows.start()], lower=follows[0] in (" speaking", " calling"))
        if end > 1 and end == len(value[: follows.start()].rstrip(".")):
            return 0, end
    end = latin_end(value)
    words = value[:end].split(" ")
    if re.search("(?i)i(?:['’]| a)?m ?$", before) and len(words) > 1 and words[-1].casefold() not in _NOUNS:
        return 0, end
    return given(value, before, after)


def small_self(value: str, before: str, after: str) -> tuple[int, int] | None:
    """In small letters between `this is` and `speaking`."""
    return whole(value) if latin_end(value, lower=True) == len(value) else None


def speaking(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Before `speaking`, or before `here` if it begins with a given name."""
    end = latin_end(value)
    named = after.startswith(" speaking") or given(value, before, "")
    adverb = " " not in value and value.endswith("ly") and value.casefold() not in GIVEN
    return (0, end) if end == len(value) > 1 and not adverb and named else None


def mister(value: str, before: str, after: str) -> tuple[int, int] | None:
    """Behind a title, or a Chinese cue: any capitalised words."""
    end = latin_end(value)
    return (0, end) if end > 1 else None
