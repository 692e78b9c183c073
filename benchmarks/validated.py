"""Replies with what they rest on, as the validators' benchmark reads them: dstc9 with snippets, tau2 with tool results.

A case's evidence holds until the next case is asked for: that of a tau2 conversation grows turn by turn.
"""

import random
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from refinery.grounding.evidence import Evidence
from refinery.grounding.names import Lexicon

_TWICE: Final = ("e52d1d07", "dfd71123")
"""Files that hold the same conversations as others, in another serialisation."""
_NAMED: Final = ("first_name", "last_name", "city", "name")


class Case(NamedTuple):
    """A reply and its input.

    `given`: the input as text; `own`: the passage that the reply rests on, `others` what stands beside it; `names`:
    names of the input, of which those that stand in the reply can be replaced.
    """

    source: str
    key: str
    reply: str
    evidence: Evidence
    given: str
    own: str
    others: list[str]
    names: list[str]


def snippets(data: Path) -> dict[str, Any]:
    """The dstc9 snippets: domain -> entity -> name, docs."""
    found: dict[str, Any] = orjson.loads((data / "dstc9" / "data_eval" / "knowledge.json").read_bytes())
    return found


def gold(known: dict[str, Any], label: dict[str, Any]) -> tuple[str, dict[str, Any], str]:
    """Domain, entity and text of a label's snippet."""
    (at,) = label["knowledge"]
    entity = known[at["domain"]][str(at["entity_id"])]
    return at["domain"], entity, written(at["domain"], entity, str(at["doc_id"]))


def written(domain: str, entity: dict[str, Any], doc_id: str) -> str:
    """A snippet as input: what it is about, its question, its answer."""
    doc = entity["docs"][doc_id]
    return f"{domain} {entity.get('name') or ''}. {doc['title']} {doc['body']}"


def dstc9(data: Path, *, batch: bool) -> Iterator[Case]:
    """Human replies of the test part; input is the gold snippet, or all of its entity's and of one more entity."""
    known = snippets(data)
    labels = orjson.loads((data / "dstc9" / "data_eval" / "test" / "labels.json").read_bytes())
    for place, label in enumerate(labels):
        if not label["target"]:
            continue
        domain, entity, own = gold(known, label)
        others = _beside(known, domain, entity, own, random.Random(place)) if batch else []
        evidence = Evidence()
        for text in (own, *others):
            evidence.add_passage(text)
        source = f"dstc9 {label['source']}"
        names = [entity["name"]] if entity.get("name") else []
        yield Case(source, str(place), label["response"], evidence, "\n".join((own, *others)), own, others, names)


def _beside(known: dict[str, Any], domain: str, entity: dict[str, Any], own: str, chance: random.Random) -> list[str]:
    entities = [one for one in known[domain].values() if one is not entity]
    chosen = [entity, *([chance.choice(entities)] if entities else [])]
    return [text for one in chosen for doc in one["docs"] if (text := written(domain, one, doc)) != own]


def tau2(data: Path) -> Iterator[Case]:
    """Agent turns without a call; input is the policy and all that was said, asked and returned before."""
    for file in sorted((data / "tau2").glob("*.json")):
        if file.name.startswith(_TWICE):
            continue
        domain = "retail" if "retail" in file.name else "airline"
        policy = (data / "tau2" / "policies" / f"{domain}.md").read_text()
        for number, talk in enumerate(orjson.loads(file.read_bytes())["simulations"]):
            yield from _turns(f"tau2 {file.name[:8]}", str(number), talk["messages"], policy)


def _turns(source: str, key: str, messages: list[dict[str, Any]], policy: str) -> Iterator[Case]:
    evidence, given, documents = Evidence([policy]), [policy], list[str]()
    names = set[str]()
    for place, message in enumerate(messages):
        text = message.get("content") or ""
        calls = message.get("tool_calls") or []
        if message["role"] == "assistant" and text and not calls:
            joined = "\n".join(given)
            yield Case(source, f"{key}/{place}", text, evidence, joined, "", list(documents), sorted(names))
        arguments = [orjson.dumps(call.get("arguments")).decode() for call in calls]
        for one in (text, *arguments):
            evidence.add(one, own=message["role"] == "assistant")
            given.append(one)
        if message["role"] == "tool":
            documents.append(text)
            names |= set(_names(text))


def _names(document: str) -> Iterator[str]:
    try:
        found = orjson.loads(document)
    except orjson.JSONDecodeError:
        return
    stack = [found]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            yield from (value[k] for k in _NAMED if isinstance(value.get(k), str) and len(value[k]) > 2)
            stack += value.values()
        elif isinstance(value, list):
            stack += value


def all_names(data: Path) -> dict[str, list[str]]:
    """Names to plant: by "dstc9" those of all entities, by "tau2" those of all tool results."""
    entities = {e["name"] for domain in snippets(data).values() for e in domain.values() if e.get("name")}
    spoken = set[str]()
    for file in sorted((data / "tau2").glob("*.json")):
        for talk in orjson.loads(file.read_bytes())["simulations"]:
            for message in talk["messages"]:
                if message["role"] == "tool":
                    spoken |= set(_names(message.get("content") or ""))
    return {"dstc9": sorted(name.title() if name.isupper() else name for name in entities), "tau2": sorted(spoken)}


def lexicon(data: Path) -> Lexicon:
    """Common words of the snippets, the policies and STAR's dialogues; the names of all entities, people and goods."""
    known = snippets(data)
    texts = [f"{d['title']} {d['body']}" for dom in known.values() for e in dom.values() for d in e["docs"].values()]
    texts += [path.read_text() for path in sorted((data / "tau2" / "policies").glob("*.md"))]
    texts += [path.read_text() for path in sorted((data / "tau_bench").glob("*_wiki.md"))]
    names = {name for some in all_names(data).values() for name in some}
    return Lexicon([*texts, *_star(data)], sorted(names))


def _star(data: Path) -> Iterator[str]:
    with tarfile.open(data / "star" / "dialogues.tar.gz") as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(".json") and (file := archive.extractfile(member)):
                for event in orjson.loads(file.read()).get("Events", ()):
                    if event.get("Action") in ("utter", "pick_suggestion"):
                        yield event.get("Text") or ""
