"""Groups of duplicates on a terminal: two conversations side by side, and what differs between them marked.

    kept 9f0c… │ 41aa…
    customer  My order is late    │ My order is {+very+} late

Log text is data: no control character and no sign that turns text around reaches the terminal.
"""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from refinery.dedup.explain import Explained, Member, Pair, Turn

_TOKEN: Final = re.compile(r"[A-Za-z0-9]+|\s+|.", re.DOTALL)
_CHARS: Final = 1_000
"""Of a turn that are shown and compared."""
_TURNS: Final = 60
"""Of a conversation that are shown, those that are equal in both not counted."""
_ROLES: Final = {"user": "customer", "assistant": "agent"}


def explained(found: Explained) -> RenderableType:
    """The group, then the asked one beside the kept one, then the others, those least alike first."""
    asked, kept, num = found.asked, found.kept, found.num_members
    if num == 1:
        return Text(f"{_named(asked)}\n{_alone(asked)}")
    more = num - 1 - len(found.pairs)
    parts: list[RenderableType] = [Text(f"a group of {num:,}; kept is {_named(kept)}", "bold")]
    parts += [side_by_side(pair) for pair in found.pairs]
    if more > 0:
        parts.append(
            Text(f"… {more:,} more: SELECT * FROM conversations WHERE dedup_kept_id = '{kept.conversation_id}'")
        )
    return Group(*parts)


def weak(pairs: tuple[Pair, ...]) -> RenderableType:
    """Pairs one after the other, least alike first, stage by stage."""
    return Group(*map(side_by_side, pairs)) if pairs else Text("no stage set aside a near or semantic duplicate")


def side_by_side(pair: Pair) -> RenderableType:
    """Two conversations, turn beside turn; turns that are equal in both are counted."""
    kept, other = pair.kept, pair.other
    alike = "equal content before masking" if other.similarity is None else f"similarity {other.similarity:.3f}"
    head = f"\n{_named(other)}\n{plain(other.by or 'not set aside')}, {alike}; the kept one is {plain(pair.why)}"
    table = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0), expand=True)
    table.add_column("", no_wrap=True)
    table.add_column(f"kept {kept.conversation_id[:8]}", ratio=1, overflow="fold")
    table.add_column(f"set aside {other.conversation_id[:8]}", ratio=1, overflow="fold")
    for role, left, right in _rows(kept.turns, other.turns):
        table.add_row(role, left, right)
    return Group(Text(head), table)


def plain(text: str) -> str:
    """The text without anything that a terminal would obey: control characters, and marks of direction."""
    return "".join(c if c.isprintable() else ("⏎" if c == "\n" else "\N{MIDDLE DOT}") for c in text)


def _named(one: Member) -> str:
    return plain(f"{one.conversation_id} ({one.place}, {one.created_at or 'undated'})")


def _alone(one: Member) -> str:
    if one.apart:
        return (
            f"has no duplicate: the nearest conversation (similarity {one.similarity or 0:.3f}) states other numbers, "
            "arguments, orders or outcomes, so both are kept"
        )
    return "has no duplicate, and is a duplicate of none"


def _rows(left: tuple[Turn, ...], right: tuple[Turn, ...]) -> Iterator[tuple[str, Text, Text]]:
    shown = 0
    for kind, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if kind == "equal":
            yield "", Text(f"… {b - a} equal turns" if b - a > 1 else "… 1 equal turn", "dim"), Text("")
            continue
        for one, two in zip_longest(left[a:b], right[c:d]):
            shown += 1
            if shown > _TURNS:
                yield "", Text("… and more", "dim"), Text("")
                return
            yield _role(one, two), *_marked(one.text if one else "", two.text if two else "")


def _role(one: Turn | None, two: Turn | None) -> str:
    roles = dict.fromkeys(_ROLES.get(turn.role, plain(turn.role)) for turn in (one, two) if turn)
    return "/".join(roles)


def _marked(one: str, two: str) -> tuple[Text, Text]:
    """Both texts, with [-what the kept one alone says-] and {+what the other alone says+}."""
    left, right = Text(), Text()
    for gone, new, same in _changes(*(_TOKEN.findall(plain(text[:_CHARS])) for text in (one, two))):
        if gone:
            left.append(f"[-{gone}-]", "red")
        if new:
            right.append(f"{{+{new}+}}", "green")
        left.append(same)
        right.append(same)
    for side, text in ((left, one), (right, two)):
        if len(text) > _CHARS:
            side.append(f" … {len(text) - _CHARS:,} more characters", "dim")
    return left, right


def _changes(one: list[str], two: list[str]) -> Iterator[tuple[str, str, str]]:
    """What is gone, what is new, and what both say after it; white space between two changes belongs to them."""
    gone = new = ""
    for kind, i, j, k, m in SequenceMatcher(None, one, two, autojunk=False).get_opcodes():
        same = "".join(one[i:j])
        if kind != "equal" or (same.isspace() and (gone or new) and j < len(one) and m < len(two)):
            gone, new = gone + same, new + "".join(two[k:m])
            continue
        yield gone, new, same
        gone = new = ""
    yield gone, new, ""
