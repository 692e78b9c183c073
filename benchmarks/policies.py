"""Recognition of policies measured on STAR's labelled agent turns: by agent, and with each task left out.

    python -m benchmarks.policies --data ../shared/data [--out FILE]     # about three minutes on one core
    python -m benchmarks.policies --data ../shared/data --read 100       # recognitions on STC-3 and tau2, to be read

Only the words of a turn are given; the source's label is what they are held against. `task` is the first word of an
action label; labels of no task (anything_else, ask_name, hello, …) are a group of their own.
"""

import argparse
import json
import platform
import random
import tarfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from benchmarks.journal import commit
from refinery.inspection.policies import HEAD_FILE, POLICIES, Policies, PolicyList
from refinery.inspection.reading import read
from refinery.inspection.recognition.head import Head
from refinery.inspection.recognition.labelled import EXAMPLES, Labelled, held_out, phrases
from refinery.inspection.recognition.train import train
from refinery.intake import star
from refinery.records.conversation import CONVERSATION
from refinery.text.features import SLOTS, Texts, features
from refinery.text.normalise import has_han

RULES: Final = Path(__file__).resolve().parents[1] / "rules"
GENERIC: Final = frozenset({"anything", "ask", "goodbye", "hello", "out"})
FOLDS: Final = 5
MIN_PROBABILITY: Final = Policies.model_fields["min_probability"].default
DRAWS: Final = 200
KEYWORDS: Final = {
    "offer_more_help": ["anything else", "something else", "search again", "continue"],
    "closing": ["goodbye", "bye", "good day", "nice day", "take care"],
    "greeting": ["hello", "welcome", "good morning"],
    "scope_refusal": ["don't understand", "didn't understand", "not able to help", "can't help"],
    "verify_identity": ["pin", "date of birth", "account number", "security question", "maiden"],
    "report_failure": ["failed", "could not be", "unable to authenticate", "incorrect"],
    "report_unavailable": ["not available", "unavailable", "couldn't find", "no results", "fully booked"],
    "confirm_before_action": ["shall i", "should i", "confirm", "would you like me to"],
    "report_success": ["has been", "successful", "is booked", "confirmed"],
    "explain_options": ["you can search", "criteria", "options are"],
    "ask_time": ["when", "what day", "what time", "which date", "how long"],
    "ask_place": ["where", "which city", "location", "address"],
    "ask_choice": ["which"],
    "identify_customer": ["name", "number"],
    "ask_details": ["?"],
    "provide_information": [""],
}
"""A baseline that a person writes in five minutes: the first policy of which a word stands in the text."""


class Turns(NamedTuple):
    """Distinct (text, label) of STAR, and the turns: which of them, in which dialogue, by which agent."""

    texts: list[str]
    labels: list[str]
    text: np.ndarray
    dialogue: np.ndarray
    agent: np.ndarray


class Truth(NamedTuple):
    """By distinct text: what it shows (n, P), and what is no error besides."""

    names: list[str]
    shown: np.ndarray
    accepted: np.ndarray


def dialogues(data: Path) -> Iterator[dict[str, Any]]:
    """STAR's raw dialogues."""
    with tarfile.open(data / "star" / "dialogues.tar.gz") as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(".json"):
                file = archive.extractfile(member)
                assert file is not None
                yield json.load(file)


def turns_of(raw: list[dict[str, Any]], groups: dict[str, Any]) -> Turns:
    """The agent turns with a label that is scored."""
    ids: dict[tuple[str, str], int] = {}
    rows = [
        (ids.setdefault((message["content"], message["source_label"]), len(ids)), number, agent)
        for number, one in enumerate(raw)
        for agent in [str(one.get("AnonymizedWizardWorkerID"))]
        for message in star.native(one)["messages"]
        if message.get("source_label") in groups and message["content"].strip()
    ]
    text, dialogue, agents = zip(*rows, strict=True)
    agent = np.unique(agents, return_inverse=True)[1]
    return Turns([t for t, _ in ids], [label for _, label in ids], np.array(text), np.array(dialogue), agent)


def truth_of(turns: Turns, groups: dict[str, Any]) -> Truth:
    """What STAR's labels show, in the grouping by which they are scored."""
    names = sorted({policy for group in groups.values() for policy in group["policies"]})
    shown = [[name in groups[label]["policies"] for name in names] for label in turns.labels]
    more = [[name in groups[label].get("also_accepted", []) for name in names] for label in turns.labels]
    return Truth(names, np.array(shown), np.array(shown) | np.array(more))


class Said(NamedTuple):
    """A recogniser's answers by distinct text: the likeliest policy with its probability, and what it shows."""

    best: np.ndarray
    chance: np.ndarray
    shown: np.ndarray


def by_head(head: Head, texts: list[str], names: list[str]) -> Said:
    """In the order of `names`."""
    array = pa.array(texts, pa.string())
    chances = head.probabilities(head.scores(array)[0])
    shown = head.recognise(array, MIN_PROBABILITY).shown
    wide, seen = np.zeros((len(texts), len(names)), np.float32), np.zeros((len(texts), len(names)), bool)
    place = [names.index(name) for name in head.names.tolist()]
    wide[:, place], seen[:, place] = chances, shown
    return Said(wide.argmax(1), wide.max(1), seen)


def one_hot(best: np.ndarray, chance: np.ndarray, num: int) -> Said:
    """A recogniser that always shows exactly one."""
    return Said(best, chance, np.eye(num, dtype=bool)[best])


def nearest(known: list[Labelled], texts: list[str], names: list[str]) -> Said:
    """The policies of the most similar known text, by the cosine of the same features."""
    from scipy import sparse

    def matrix(of: list[str]) -> Any:  # noqa: ANN401 (sparse)
        slots, ends, _ = features(Texts.of(pa.array(of, pa.string())))
        return sparse.csr_matrix((np.ones(len(slots)), slots.astype(np.int32), ends), shape=(len(of), SLOTS))

    train_, test = matrix([one.text for one in known]), matrix(texts)
    idf = np.log((1 + len(known)) / (1 + np.asarray((train_ > 0).sum(0)).ravel())) + 1
    train_, test = train_.multiply(idf).tocsr(), test.multiply(idf).tocsr()
    length = [np.sqrt(np.maximum(np.asarray(m.multiply(m).sum(1)).ravel(), 1e-9)) for m in (train_, test)]
    found = [(test[i : i + 500] @ train_.T).toarray() / length[0] for i in range(0, len(texts), 500)]
    place = np.concatenate([one.argmax(1) for one in found])
    shown = np.array([[name in known[i].policies for name in names] for i in place])
    return Said(shown.argmax(1), np.concatenate([one.max(1) for one in found]) / length[1], shown)


def by_keywords(texts: list[str], names: list[str]) -> Said:
    """The baseline above."""
    first = [next(name for name, words in KEYWORDS.items() if any(w in t.lower() for w in words)) for t in texts]
    return one_hot(np.array([names.index(name) for name in first]), np.ones(len(texts)), len(names))


class Figures(NamedTuple):
    """Over turns: top-1 accuracy, exact sets, macro F1 of what is shown, coverage, precision where it speaks."""

    top: float
    exact: float
    f1: float
    coverage: float
    precision: float


def figures(said: Said, truth: Truth, weight: np.ndarray) -> Figures:
    """Each distinct text counts as many turns as `weight` says. `also_accepted` is no error and not required."""
    tests = weight > 0
    said, shown = Said(*(part[tests] for part in said)), truth.shown[tests]
    accepted, weight = truth.accepted[tests], weight[tests]
    right = shown[np.arange(len(shown)), said.best]
    spoke = said.shown.any(1)
    exact = (said.shown & ~(accepted & ~shown) == shown).all(1)
    good = spoke & (said.shown <= accepted).all(1)
    hit = weight @ (said.shown & shown)
    false, missed = weight @ (said.shown & ~accepted), weight @ (~said.shown & shown)
    present = weight @ shown > 0
    f1 = (2 * hit / np.maximum(2 * hit + false + missed, 1e-9))[present]
    all_, spoken = weight.sum(), max(float(weight @ spoke), 1e-9)
    return Figures(weight @ right / all_, weight @ exact / all_, f1.mean(), spoken / all_, weight @ good / spoken)


def with_intervals(said: Said, truth: Truth, turns: Turns, cluster: np.ndarray) -> str:
    """The five figures as cells, each with a 95 % interval of a bootstrap over the clusters that turns belong to."""
    num = len(turns.texts)
    counts = np.zeros((cluster.max() + 1, num), np.float32)
    np.add.at(counts, (cluster, turns.text), 1)
    draws = np.random.default_rng(7).multinomial(len(counts), np.full(len(counts), 1 / len(counts)), DRAWS)
    all_ = np.array([figures(said, truth, weight.astype(np.float64)) for weight in draws @ counts])
    low, high = np.percentile(all_, [2.5, 97.5], axis=0)
    whole = figures(said, truth, counts.sum(0).astype(np.float64))
    return " | ".join(f"{v:.3f} ({a:.3f} to {b:.3f})" for v, a, b in zip(whole, low, high, strict=True))


def task(label: str) -> str:
    """The first word of a label, or `generic`."""
    first = label.split("_", maxsplit=1)[0]
    return "generic" if first in GENERIC else first


Recogniser = Callable[[list[int]], Said]
"""Trained without some texts (their numbers are given to it as those to answer): answers for all texts."""


class Contest(NamedTuple):
    """What is compared, on which texts."""

    turns: Turns
    truth: Truth
    ours: list[Labelled]

    def known(self, kept: Iterable[int]) -> list[Labelled]:
        """STAR's texts as labelled turns."""
        names = np.array(self.truth.names)
        return [Labelled(self.turns.texts[i], tuple(names[self.truth.shown[i]])) for i in kept]

    def contenders(self) -> dict[str, Callable[[list[int]], Said]]:
        """By name: from the numbers of the STAR texts that may be seen to the answers."""
        texts, names = self.turns.texts, self.truth.names
        ours = by_head(train(self.ours), texts, names)
        words = by_keywords(texts, names)
        near = nearest(self.ours, texts, names)
        return {
            "keywords": lambda _: words,
            "nearest phrase, ours": lambda _: near,
            "nearest template, STAR": lambda kept: nearest(self.known(kept), texts, names),
            "head, our phrases": lambda _: ours,
            "head, STAR": lambda kept: by_head(train([], self.known(kept)), texts, names),
            "head, both": lambda kept: by_head(train(self.ours, self.known(kept)), texts, names),
        }


def left_out(contest: Contest, group: np.ndarray, answer: Callable[[list[int]], Said]) -> Said:
    """Each text answered by what was trained without its group."""
    parts = [np.zeros(len(group), np.int64), np.zeros(len(group)), np.zeros_like(contest.truth.shown)]
    for value in np.unique(group):
        test = group == value
        said = answer(np.flatnonzero(~test).tolist())
        for part, found in zip(parts, said, strict=True):
            part[test] = found[test]
    return Said(*parts)


def by_agent(contest: Contest, answer: Callable[[list[int]], Said]) -> list[tuple[np.ndarray, Said]]:
    """For five groups of agents: the turns (numbers) of each, and answers of what was trained on the other four."""
    fold = np.random.default_rng(3).integers(0, FOLDS, contest.turns.agent.max() + 1)[contest.turns.agent]
    return [
        (np.flatnonzero(fold == k), answer(np.unique(contest.turns.text[fold != k]).tolist())) for k in range(FOLDS)
    ]


def calibration(said: Said, truth: Truth, weight: np.ndarray) -> tuple[float, list[str]]:
    """ECE of the likeliest policy over ten bins, and the bins as rows."""
    right = truth.shown[np.arange(len(weight)), said.best]
    which = np.minimum((said.chance * 10).astype(int), 9)
    rows, error = [], 0.0
    for bin_ in range(10):
        at = which == bin_
        if num := weight[at].sum():
            mean, share = np.average(said.chance[at], weights=weight[at]), np.average(right[at], weights=weight[at])
            error += num / weight.sum() * abs(mean - share)
            rows.append(f"| {bin_ / 10:.1f} to {bin_ / 10 + 0.1:.1f} | {int(num):,} | {mean:.2f} | {share:.2f} |")
    return float(error), rows


def measured(contest: Contest) -> list[str]:
    """All tables."""
    turns, truth = contest.turns, contest.truth
    weight = np.bincount(turns.text, minlength=len(turns.texts)).astype(np.float64)
    tasks = np.array([task(label) for label in turns.labels])
    label = np.unique(turns.labels, return_inverse=True)[1]
    head = "| | top-1 | exact set | macro F1 | coverage | precision |\n|---|---:|---:|---:|---:|---:|"
    out = {name: left_out(contest, tasks, answer) for name, answer in contest.contenders().items()}
    lines = ["## Leave one task out: intervals over agents", "", head]
    lines += [f"| {name} | {with_intervals(said, truth, turns, turns.agent)} |" for name, said in out.items()]
    lines += ["", "## Leave one task out: intervals over labels (a label has few templates)", "", head]
    of_label = label[turns.text]
    lines += [f"| {name} | {with_intervals(said, truth, turns, of_label)} |" for name, said in out.items()]
    lines += ["", "## Top-1 by task left out", "", f"| | {' | '.join(np.unique(tasks))} | mean |"]
    lines += ["|---|" + "---:|" * (len(np.unique(tasks)) + 1)]
    for name, said in out.items():
        each = [figures(said, truth, weight * (tasks == one)).top for one in np.unique(tasks)]
        lines.append(f"| {name} | {' | '.join(f'{v:.2f}' for v in each)} | {np.mean(each):.3f} |")
    lines += ["", "## Calibration of the likeliest policy, each task left out", ""]
    for name in ("head, our phrases", "head, STAR", "head, both"):
        error, rows = calibration(out[name], truth, weight)
        lines += [
            f"{name}: ECE {error:.3f}",
            "",
            "| probability | turns | mean | right |",
            "|---|---:|---:|---:|",
            *rows,
            "",
        ]
    lines += ["## Split by agent, five folds of agents", "", head]
    for name, answer in contest.contenders().items():
        lines.append(f"| {name} | {_of_agents(contest, by_agent(contest, answer))} |")
    return [*lines, "", *_own(contest.ours)]


def _of_agents(contest: Contest, folds: list[tuple[np.ndarray, Said]]) -> str:
    """Means of the folds, and the least and the most."""
    num = len(contest.turns.texts)
    each = np.array(
        [
            figures(said, contest.truth, np.bincount(contest.turns.text[at], minlength=num).astype(float))
            for at, said in folds
        ]
    )
    cells = zip(each.mean(0), each.min(0), each.max(0), strict=True)
    return " | ".join(f"{mean:.3f} ({low:.3f} to {high:.3f})" for mean, low, high in cells)


def _own(ours: list[Labelled]) -> list[str]:
    """The fifth of our phrases that is held out, by language."""
    head = train([one for one in ours if not held_out(one.text)])
    lines = [
        "## The held-out fifth of our phrases",
        "",
        "| | n | top-1 | exact set | coverage | precision | silent on none |",
    ]
    lines += ["|---|---:|---:|---:|---:|---:|---:|"]
    for language, chinese in (("English", False), ("Chinese", True)):
        part = [one for one in ours if held_out(one.text) and has_han(one.text) is chinese]
        said = by_head(head, [one.text for one in part], names := head.names.tolist())
        shown = np.array([[name in one.policies for name in names] for one in part])
        some = shown.any(1)
        spoke, right = said.shown.any(1), (said.shown <= shown).all(1)
        top = shown[np.arange(len(part)), said.best][some]
        values = [top, (said.shown == shown).all(1), spoke[some], right[spoke], ~spoke[~some]]
        lines.append(f"| {language} | {len(part)} | {' | '.join(_share(value) for value in values)} |")
    return lines


def _share(hits: np.ndarray) -> str:
    """With Wilson's 95 % interval."""
    num, share, z = len(hits), hits.mean(), 1.96
    middle = (share + z * z / (2 * num)) / (1 + z * z / num)
    half = z / (1 + z * z / num) * np.sqrt(share * (1 - share) / num + z * z / (4 * num * num))
    return f"{share:.3f} ({middle - half:.3f} to {middle + half:.3f})"


def speed(raw: list[dict[str, Any]], rounds: int = 7) -> list[str]:
    """Turns a second of the stage on one core over STAR, labels hidden: without and with the shipped head, paired."""
    rows = []
    for one in raw:
        messages = star.native(one)["messages"]
        rows.append(
            {
                "turns": [
                    {"role": m["role"], "content": m["content"], "tool_calls": [], "turn_idx": i}
                    for i, m in enumerate(messages)
                ]
            }
        )
    table = pa.Table.from_pylist(rows, pa.schema([CONVERSATION.field("turns")])).combine_chunks()
    num = sum(len(row["turns"]) for row in rows)
    agent = sum(turn["role"] == "assistant" for row in rows for turn in row["turns"])
    stages = [Policies(path=RULES / POLICIES, head=head).open() for head in (None, RULES / HEAD_FILE)]
    seconds: list[list[float]] = [[], []]
    for _ in range(rounds + 1):
        for which, recognise in enumerate(stages):
            start = time.process_time()
            recognise(table)
            seconds[which].append(time.process_time() - start)
    without, with_ = (np.array(each[1:]) for each in seconds)
    times = with_ / without
    return [
        "## Speed",
        "",
        f"{num:,} turns ({agent:,} of agents) of {len(rows):,} dialogues in one batch, CPU seconds of one core, "
        f"{rounds} paired rounds after one to warm up:",
        "",
        f"- without a head {num / np.median(without):,.0f} turns/s, with the shipped head "
        f"{num / np.median(with_):,.0f} turns/s ({agent / np.median(with_):,.0f} agent turns/s)",
        f"- time with by time without, round by round: {np.median(times):.1f} ({times.min():.1f} to {times.max():.1f})",
    ]


def real(data: Path) -> Iterator[tuple[str, list[list[dict[str, Any]]]]]:
    """Conversations whose agent turns have no label: their messages, by set."""
    for language in ("cn", "en"):
        found = json.loads((data / "stc3" / f"stc3_{language}.masked.json").read_bytes())
        yield f"stc3-{language}", [[_stc(turn) for turn in one["turns"]] for one in found]
    talks = []
    for path in sorted((data / "tau2").rglob("*.json")):
        document = json.loads(path.read_bytes())
        talks += document.get("simulations", []) if isinstance(document, dict) else []
    yield "tau2", [[_tau(message) for message in one.get("messages", [])] for one in talks]


def _stc(turn: dict[str, Any]) -> dict[str, Any]:
    role = "user" if turn["sender"] == "customer" else "assistant"
    return {"role": role, "content": " ".join(turn["utterances"])}


def _tau(message: dict[str, Any]) -> dict[str, Any]:
    text = message.get("content")
    return {"role": message["role"], "content": text if isinstance(text, str) else None}


def to_read(data: Path, num: int) -> None:
    """Print `num` recognitions a set, drawn from distinct texts, for a person to judge; and how often it speaks."""
    recognise = Policies(path=RULES / POLICIES, head=RULES / HEAD_FILE).open()
    for name, talks in real(data):
        rows = [{"turns": [{**m, "tool_calls": [], "turn_idx": i} for i, m in enumerate(one)]} for one in talks]
        table = pa.Table.from_pylist(rows, pa.schema([CONVERSATION.field("turns")])).combine_chunks()
        found = recognise(table)["policies"].to_pylist()
        pairs = [
            (turn["content"], tuple(policies))
            for row, each in zip(rows, found, strict=True)
            for turn, policies in zip(row["turns"], each, strict=True)
            if turn["role"] == "assistant" and turn["content"]
        ]
        spoken = sorted({pair for pair in pairs if pair[1]})
        print(f"## {name}: {len(pairs):,} agent turns with words, {sum(bool(p) for _, p in pairs):,} recognised")
        print(Counter(policy for _, policies in pairs for policy in policies).most_common())
        for number, (text, policies) in enumerate(random.Random(12).sample(spoken, min(num, len(spoken)))):
            print(f"{number} {', '.join(policies)} | {' '.join(text.split())}")


def main() -> None:
    """Writes the report, or prints what is to be read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--read", type=int)
    asked = parser.parse_args()
    if asked.read:
        to_read(asked.data, asked.read)
        return
    groups = json.loads((asked.data / "star_policy_groups.json").read_bytes())["labels"]
    raw = list(dialogues(asked.data))
    turns = turns_of(raw, groups)
    ours = phrases(RULES / EXAMPLES, read(RULES / POLICIES, POLICIES, PolicyList).policies)
    about = (
        f"{len(turns.text):,} agent turns of STAR with a label that is scored, {len(turns.texts):,} distinct texts, "
        f"{len(set(turns.labels))} labels, {turns.agent.max() + 1} agents, {len(set(turns.dialogue))} dialogues; "
        f"{len(ours):,} phrases of ours. {platform.machine()}, Python {platform.python_version()}, "
        f"{date.today().isoformat()}, commit {commit()}."
    )
    contest = Contest(turns, truth_of(turns, groups), ours)
    lines = [
        "# Recognition of policies, measured",
        "",
        about,
        "",
        __doc__ or "",
        *measured(contest),
        "",
        *speed(raw),
        "",
    ]
    text = "\n".join(lines)
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
