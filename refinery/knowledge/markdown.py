"""A policy in Markdown as units: one statement each, with the headings and lead-ins that bound it as background.

    ## Modify flight
    - Change cabin: all flights of a reservation share one cabin.   -> background "Modify flight > Change cabin"

No model: the structure alone decides. A list under a lead-in ("The user must provide:") is one unit where its items
are mere names, else a unit an item with the lead-in before it; a numbered list is one procedure. The frequent question
is made of the topic, as a stand-in that a model may better.
"""

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from refinery.knowledge.sentences import leans, statements
from refinery.knowledge.unit import Unit
from refinery.records.knowledge import FRAGMENT, PROCEDURE, REGULATION
from refinery.text.normalise import has_han

_BINDING: Final = re.compile(
    r"\b(?:must|shall|should|may not|cannot|can't|can only|only|never|always|not allowed|required?|allowed|denied|deny"
    r"|do not|don't|can|unable|refund(?:ed|able)?|eligible|at most|at least|has to|have to|needs? to)\b"
    r"|必须|应当|应该|不得|不能|不可|禁止|只能|仅限|需要|须|可以|允许|不予|最多|至少|有权|严禁|务必",
    re.IGNORECASE,
)
_TOPIC: Final = re.compile(r"([^:：.。!?！？\n]{2,60})[:：]\s*(?=\S)")
_SHORT: Final = 5
"""Words, or pairs of Chinese characters, up to which a list item is a mere name."""
_LEAD: Final = (":", "：")


class Block(NamedTuple):
    """A stretch of text below headings and lead-ins, outermost first; what is no prose is not cut further."""

    path: tuple[str, ...]
    leads: tuple[str, ...]
    text: str
    form: Literal["prose", "steps", "whole"] = "prose"


def units(document: str, text: str, scenarios: tuple[str, ...]) -> Iterator[Unit]:
    """The units of a document, in order; `document` is the name their keys begin with."""
    places = dict[str, int]()
    before: tuple[tuple[str, ...], str] = (), ""
    tree = SyntaxTreeNode(MarkdownIt("commonmark").enable("table").parse(text))
    for block in _blocks(tree):
        for topic, statement in _cut(block.text) if block.form == "prose" else [("", block.text)]:
            begin = "steps" if block.form == "steps" else _begin(topic, statement)
            solution = " ".join((*block.leads, statement))
            if before[0] == block.path and leans(solution):
                solution = f"{before[1]} {solution}"
            else:
                before = block.path, solution
            place = "/".join(_slug(part) for part in (" ".join(block.path), begin) if part)
            places[place] = places.get(place, 0) + 1
            again = f"/{places[place]}" if places[place] > 1 else ""
            yield _unit(f"{document}#{place}{again}", block, topic, solution, scenarios)


def _unit(key: str, block: Block, topic: str, solution: str, scenarios: tuple[str, ...]) -> Unit:
    path = (*block.path, *((topic,) if topic else ()))
    kind = PROCEDURE if block.form == "steps" else REGULATION if _BINDING.search(solution) else FRAGMENT
    about = path[-1] if path else (block.leads or (solution,))[0].rstrip(":： ")
    question = f"关于“{about}”有什么规定？" if has_han(solution) else f"What applies to: {about}?"
    return Unit(key, kind, scenarios, " > ".join(path), (question,), solution)


def _cut(text: str) -> Iterator[tuple[str, str]]:
    """Topic ("" where none is named) and statement; a topic holds for the statements after it."""
    topic = ""
    if (found := _TOPIC.match(text)) and len(found[1].split()) <= _SHORT and "http" not in found[1]:
        topic, text = found[1].strip(), text[found.end() :]
    yield from ((topic, statement) for statement in statements(text))


def _blocks(tree: SyntaxTreeNode) -> Iterator[Block]:
    headings = dict[int, str]()
    lead = ""
    for node in tree.children:
        path = tuple(headings[level] for level in sorted(headings))
        if node.type in ("bullet_list", "ordered_list"):
            yield from _list(node, path, (lead,) if lead else ())
            lead = ""
            continue
        if lead:
            yield Block(path, (), lead)
            lead = ""
        if node.type == "heading":
            level = int(node.tag[1])
            headings = {k: v for k, v in headings.items() if k < level} | {level: _text(node)}
        elif node.type == "paragraph" and _text(node).endswith(_LEAD):
            lead = _text(node)
        else:
            yield from _plain(node, path)
    if lead:
        yield Block(tuple(headings.values()), (), lead)


def _plain(node: SyntaxTreeNode, path: tuple[str, ...]) -> Iterator[Block]:
    if node.type == "table":
        rows = [[_text(cell) for cell in row.children] for part in node.children for row in part.children]
        for row in rows[1:]:
            yield Block(path, (), "; ".join(f"{h}: {c}" for h, c in zip(rows[0], row, strict=False) if c), "whole")
    elif node.type == "blockquote":
        yield from (Block((*path, *inner.path), *inner[1:]) for inner in _blocks(node))
    elif node.type != "hr" and (text := _text(node)):
        yield Block(path, (), text, "prose" if node.type == "paragraph" else "whole")


def _list(node: SyntaxTreeNode, path: tuple[str, ...], leads: tuple[str, ...]) -> Iterator[Block]:
    if node.type == "ordered_list":
        steps = (f"{i}. {' '.join(_all(item))}" for i, item in enumerate(node.children, 1))
        yield Block(path, leads, "\n".join(steps), "steps")
        return
    items = [_item(item) for item in node.children]
    if leads and len(items) > 1 and all(_name(text) and not inner for text, inner in items):
        yield Block(path, leads, "; ".join(text for text, _ in items))
        return
    for text, inner in items:
        below = (*leads, text) if text.endswith(_LEAD) else leads
        if text and (below is leads or not inner):
            yield Block(path, leads, text)
        for part in inner:
            yield from _list(part, path, below)


def _item(node: SyntaxTreeNode) -> tuple[str, list[SyntaxTreeNode]]:
    lists = [child for child in node.children if child.type in ("bullet_list", "ordered_list")]
    return " ".join(_text(child) for child in node.children if child not in lists), lists


def _all(node: SyntaxTreeNode) -> Iterator[str]:
    text, lists = _item(node)
    yield text
    for part in lists:
        yield "; ".join(" ".join(_all(item)) for item in part.children)


def _name(text: str) -> bool:
    size = len(text) / 2 if has_han(text) else len(text.split())
    return size <= _SHORT and not any(c.isdigit() for c in text) and not text.endswith((".", "。", *_LEAD))


def _text(node: SyntaxTreeNode) -> str:
    """What a reader sees, in one line but for code; a link keeps its address."""
    if node.type in ("fence", "code_block", "html_block"):
        return node.content.strip()
    if node.type in ("text", "code_inline", "html_inline"):
        return node.content
    if node.type in ("softbreak", "hardbreak"):
        return " "
    inner = "".join(map(_text, node.children))
    if node.type == "link" and (address := str(node.attrs.get("href", ""))) not in inner:
        inner += f" ({address})"
    return inner.strip() if node.type in ("paragraph", "heading", "inline") else inner


def _begin(topic: str, statement: str) -> str:
    """The first words, by which a statement is known again when its numbers change or others come before it."""
    statement = re.sub(r"\w*\d\w*" if not has_han(statement) else r"\d+", "", statement)
    start = statement[:10] if has_han(statement) else " ".join(re.findall(r"\w+", statement)[:6])
    return f"{topic} {start}".strip()


def _slug(text: str) -> str:
    return "-".join(re.findall(r"\w+", text.lower()))
