"""Adherence on the dstc9 ratings and contradictions on CI-ToD: features, fits, and what they find held out."""

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Final, NamedTuple

import numpy as np
import orjson
import pyarrow as pa

from benchmarks import validated
from refinery.grounding import adherence, consistency
from refinery.grounding.linear import Linear
from refinery.grounding.names import Lexicon
from refinery.knowledge.ranking import index, rank

SYSTEMS: Final = {
    "baseline": "baseline/entry0",
    "team11": "team11/entry3",
    "team17": "team17/entry0",
    "team20": "team20/entry4",
}
FOLDS: Final = ((("baseline", "team11"), ("team17", "team20")), (("team17", "team20"), ("baseline", "team11")))
LOW: Final = 2.5
RIDGE: Final = 3.0
WANTED_RECALL: Final = 0.74
DOMAINS: Final = ("calendar", "navigate")


class Rated(NamedTuple):
    """A system's reply with its features, whether people rated it low, and whether its snippet was not the gold one."""

    system: str
    features: dict[str, float]
    low: bool
    other_snippet: bool


def rated(data: Path, lexicon: Lexicon) -> list[Rated]:
    """All rated replies of the four systems."""
    known = validated.snippets(data)
    labels = orjson.loads((data / "dstc9" / "data_eval" / "test" / "labels.json").read_bytes())
    at = [(domain, key, doc) for domain, es in known.items() for key, e in es.items() for doc in e["docs"]]
    texts = [validated.written(domain, known[domain][key], doc) for domain, key, doc in at]
    places, found = {key: i for i, key in enumerate(at)}, index(pa.array(texts))
    domains = {d: np.array([i for i, key in enumerate(at) if key[0] == d]) for d in known}
    weights = adherence.Weights(
        f"{d['title']} {d['body']}" for es in known.values() for e in es.values() for d in e["docs"].values()
    )
    rows = list[Rated]()
    for system, path in SYSTEMS.items():
        said = orjson.loads((data / "dstc9" / "results" / f"{path}.json").read_bytes())
        ratings = orjson.loads((data / "dstc9" / "results" / f"{path}.human_eval.json").read_bytes())
        for label, answer, rating in zip(labels, said, ratings, strict=True):
            if not rating or not label["target"]:
                continue
            (gold,) = label["knowledge"]
            key = (gold["domain"], str(gold["entity_id"]), str(gold["doc_id"]))
            reply = answer.get("response") or ""
            order, scores = rank(found, pa.array([adherence.claims_of(reply)]), domains[key[0]], len(domains[key[0]]))
            rank_of = int(np.flatnonzero(order[0] == places[key])[0])
            gap = float((scores[0, 0] - scores[0, rank_of]) / max(1.0, scores[0, 0]))
            entity = known[key[0]][key[1]]
            doc = entity["docs"][key[2]]
            unit = {
                "background": key[0],
                "question": doc["title"],
                "solution": doc["body"],
                "entity": entity.get("name"),
            }
            compared = adherence.features(reply, unit, adherence.Place(rank_of, gap), weights, lexicon)
            chosen = (answer.get("knowledge") or [None])[0]
            rows.append(Rated(system, compared, fmean(rating["accuracy"]) <= LOW, chosen != gold))
    return rows


def fitted(rows: Sequence[Rated], recall: float = WANTED_RECALL) -> Linear:
    """The model of some systems' rows, its threshold the highest that finds this share of their low ones."""
    names = sorted(rows[0].features)
    model = Linear.fit([row.features for row in rows], [row.low for row in rows], names, RIDGE)
    low = sorted(model.score(row.features) for row in rows if row.low)
    return model.model_copy(update={"threshold": low[int(len(low) * (1 - recall))]})


def dialogues(data: Path, name: str) -> list[tuple[list[tuple[str, str]], list[dict[str, str]], list[bool]]]:
    """Turns, records and the three labels of a CI-ToD file."""
    found = []
    for one in orjson.loads((data / "ci_tod" / f"{name}.json").read_bytes()):
        who = {"driver": "customer"}
        turns = [(who.get(turn["turn"], "agent"), turn["utterance"]) for turn in one["dialogue"]]
        rows = [{k: v for k, v in item.items() if v != "-"} for item in one["scenario"]["kb"]["items"]]
        found.append((turns, rows, [one["scenario"][label] == "1" for label in ("qi", "hi", "kbi")]))
    return found


class Contradicting(NamedTuple):
    """A dialogue's features, its labels, and the turns before its last."""

    features: dict[str, float]
    labels: list[bool]
    before: tuple[tuple[str, str], ...]


def contradicting(data: Path) -> dict[str, list[Contradicting]]:
    """By file; the values that are known are those of the domain's training part."""
    found: dict[str, list[Contradicting]] = {}
    for domain in DOMAINS:
        train = dialogues(data, f"{domain}_train")
        known = consistency.vocabulary(row for _, rows, _ in train for row in rows)
        for part, cases in (("train", train), ("dev", dialogues(data, f"{domain}_dev"))):
            found[f"{domain}_{part}"] = [
                Contradicting(consistency.compared(turns, rows, known), labels, tuple(turns[:-1]))
                for turns, rows, labels in cases
            ]
    return found


def three(cases: Sequence[Contradicting]) -> dict[str, Linear]:
    """The three models of some dialogues."""
    names = sorted(cases[0].features)
    return {
        name: Linear.fit([c.features for c in cases], [c.labels[i] for c in cases], names, RIDGE)
        for i, name in enumerate(consistency.AGAINST)
    }


def right(models: dict[str, Linear], cases: Sequence[Contradicting]) -> list[list[bool]]:
    """For each dialogue, which of its three labels are met."""
    return [
        [
            (models[name].score(c.features) >= models[name].threshold) == label
            for name, label in zip(models, c.labels, strict=True)
        ]
        for c in cases
    ]


def lines(data: Path, lexicon: Lexicon, shown: Callable[[int, int], str]) -> list[str]:
    """Both parts as Markdown."""
    rows, out = rated(data, lexicon), ["", "## Adherence", ""]
    out.append("| fitted on | held out | recall | precision | the baseline's recall and precision there |")
    out.append("|---|---|---|---|---|")
    pooled = np.zeros(3, int)
    for train, test in FOLDS:
        mine, other = ([row for row in rows if row.system in some] for some in (train, test))
        base = [row for row in other if row.other_snippet]
        hits = sum(row.low for row in base)
        low = sum(row.low for row in other)
        for recall in (WANTED_RECALL, hits / low):
            model = fitted(mine, recall)
            flagged = [row for row in other if model.score(row.features) >= model.threshold]
            good = sum(row.low for row in flagged)
            pooled += np.array([good, len(flagged), low]) * (recall == WANTED_RECALL)
            out.append(
                f"| {', '.join(train)} for recall {recall:.1%} | {', '.join(test)} (n = {len(other):,}) "
                f"| {shown(good, low)} | {shown(good, len(flagged))} | {hits / low:.1%}, {hits / len(base):.1%} |"
            )
    out.append(
        f"| all, crosswise | | {shown(int(pooled[0]), int(pooled[2]))} "
        f"| {shown(int(pooled[0]), int(pooled[1]))} | 74.0%, 35.8% |"
    )
    found = contradicting(data)
    out += ["", "## Contradictions (CI-ToD)", "", "| fitted on | measured on | all three | query | history | records |"]
    out.append("|---|---|---|---|---|---|")
    both = [case for domain in DOMAINS for case in found[f"{domain}_train"]]
    seen = {case.before for case in both}
    trials = [("both train", both, part, found[part]) for part in ("calendar_dev", "navigate_dev")]
    dev = [case for domain in DOMAINS for case in found[f"{domain}_dev"]]
    trials.append(("both train", both, "both dev", dev))
    trials.append(("both train", both, "both dev, history not in train", [c for c in dev if c.before not in seen]))
    trials.append(
        ("navigate", [*found["navigate_train"], *found["navigate_dev"]], "calendar_dev", found["calendar_dev"])
    )
    trials.append(
        ("calendar", [*found["calendar_train"], *found["calendar_dev"]], "navigate_dev", found["navigate_dev"])
    )
    for name, cases, part, held in trials:
        met = right(three(cases), held)
        each = " | ".join(f"{fmean(one[i] for one in met):.1%}" for i in range(3))
        out.append(f"| {name} | {part} | {shown(sum(map(all, met)), len(met))} | {each} |")
    return out
