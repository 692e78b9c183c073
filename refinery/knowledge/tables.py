"""Questions and answers as units: flat tables, and snippets below domains and entities.

instruction,intent,response                     -> one unit an answer, with all questions that have it
{"hotel": {"6": {"name": …, "docs": {"2": {"title": …, "body": …}}}}}   -> one unit a snippet
"""

import csv
from collections.abc import Iterator, Mapping
from io import StringIO
from typing import Any

from refinery.errors import InputError
from refinery.knowledge.unit import Unit
from refinery.records.knowledge import QUESTION_ANSWER
from refinery.text.normalise import normalise


def answers(document: str, text: str, columns: Mapping[Any, str | list[str]], tags: tuple[str, ...]) -> Iterator[Unit]:
    """A CSV's units. `columns`: question, answer, and scenarios (one or several), each the table's own name.

    Rows of one scope and one answer are one unit. Raises InputError where a column is not there.
    """
    question, answer, scenarios = (columns.get(name) for name in ("question", "answer", "scenarios"))
    names = [scenarios] if isinstance(scenarios, str) else list(scenarios or ())
    found: dict[tuple[tuple[str, ...], str], list[tuple[int, str, str]]] = {}
    rows = csv.DictReader(StringIO(text, newline=""))
    if missing := {str(question), str(answer), *names} - set(rows.fieldnames or ()):
        raise InputError(f"{document} has no column {sorted(missing)}; it has {list(rows.fieldnames or ())}")
    for number, row in enumerate(rows, 1):
        said, scope = (row[str(answer)] or "").strip(), tuple((row[n] or "").strip().lower() for n in names)
        found.setdefault((scope, normalise(said)), []).append((number, (row[str(question)] or "").strip(), said))
    for (scope, _), group in found.items():
        yield Unit(
            key=f"{document}#{group[0][0]}",
            kind=QUESTION_ANSWER,
            scenarios=tuple(dict.fromkeys((*tags, *filter(None, scope)))),
            background=": ".join(part.replace("_", " ") for part in (scope or tags)),
            questions=tuple(dict.fromkeys(q for _, q, _ in group if q)),
            solution=group[0][2],
        )


def snippets(document: str, domains: Mapping[str, Any], tags: tuple[str, ...]) -> Iterator[Unit]:
    """Units of domains that hold entities that hold titled documents; entity "*" is the domain as a whole."""
    try:
        for domain, entities in domains.items():
            for entity_id, entity in entities.items():
                name = entity.get("name")
                for doc_id, doc in entity["docs"].items():
                    yield Unit(
                        key=f"{document}#{domain}/{entity_id}/{doc_id}",
                        kind=QUESTION_ANSWER,
                        scenarios=(*tags, domain),
                        entity=name,
                        background=f"{domain}: {name}" if name else domain,
                        questions=(doc["title"].strip(),) if doc["title"].strip() else (),
                        solution=doc["body"].strip(),
                    )
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(
            f"{document}: not {{domain: {{entity: {{name, docs: {{id: {{title, body}}}}}}}}}}: {error}"
        ) from None
