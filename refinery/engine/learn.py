"""Trains the head of `inspection.policies` from phrases, labelled turns and the labelled turns of a lake."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from refinery.inspection.policies import POLICIES, Policy, PolicyList
from refinery.inspection.reading import read
from refinery.inspection.recognition.labelled import EXAMPLES, Labelled, phrases, turns
from refinery.inspection.recognition.train import train
from refinery.lake.views import connect
from refinery.models.embedding import SentenceTransformer
from refinery.storage.store import Store

_TURNS: Final = """
SELECT content, source_label FROM turns
WHERE role = 'assistant' AND content <> '' AND source_label IS NOT NULL GROUP BY ALL ORDER BY ALL
"""


def learn(
    out: Path, rules: Path, examples: list[Path], labelled: list[Path], lake: str | None, embedder: Path | None
) -> Iterator[str]:
    """Write the head to `out`; lines for a person on what it was trained with."""
    policies = read(rules / POLICIES, POLICIES, PolicyList).policies
    said = [one for path in examples or [rules / EXAMPLES] for one in phrases(path, policies)]
    given = [one for path in labelled for one in turns(path, policies)]
    given += _of_lake(lake, policies) if lake else []
    yield f"{len(said):,} phrases, {len(given):,} labelled turns"
    head = train(said, given, SentenceTransformer(embedder) if embedder else None)
    head.save(out)
    yield f"knows {', '.join(head.names.tolist())}"
    yield f"{out}: {len(head.slots):,} features, {len(head.templates):,} templates, {out.stat().st_size:,} bytes"


def _of_lake(lake: str, policies: dict[str, Policy]) -> list[Labelled]:
    """Each text with what its label shows; a label that shows no policy teaches nothing."""
    shown: dict[str, list[str]] = {}
    for name, policy in sorted(policies.items()):
        for label in policy.labels:
            shown.setdefault(label, []).append(name)
    with connect(Store(lake)) as con:
        rows = con.execute(_TURNS).fetchall()
    return [Labelled(text, tuple(shown[label])) for text, label in rows if label in shown]
