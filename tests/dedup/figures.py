"""How right `dedup.near` is on the real sets, as Markdown for the README.

python -m tests.dedup.figures > benchmarks/near_quality_2026-11-23.md
"""

import argparse
import sys
from math import sqrt
from pathlib import Path

from refinery.dedup.detection import detection
from tests.conftest import REPOSITORY
from tests.dedup import oracle, real, talks
from tests.dedup.real import BELOW, LANGUAGES, OF_5000, STAGE

_HEAD = """# How right near-duplicate detection is

Written by `python -m tests.dedup.figures`; `tests/dedup/test_near_real.py` asserts what is claimed. Real conversations
of STAR, Taskmaster-4 and STC-3 as intake reads them (two turns of customer or agent and 60 characters at least), seeded
samples, {bands} bands of {rows} samples, threshold {threshold}. Jaccard: exact, of the shingles of the comparable form.
In brackets: the 95 % interval (Wilson).
"""
_PLANTED = """
Copies of one kind and strength of 1,000 real conversations a language. Near: copies whose exact Jaccard with their
original is {threshold} or more; recall and F1 are over these. Wrong: grouped pairs of a lower Jaccard. What near copies
miss is kept apart by its facts: a typo or a cut in a word or number that tells conversations apart.

| | kind | strength | median Jaccard | near | recall | wrong | F1 |
|---|---|---:|---:|---:|---|---:|---:|"""


def interval(right: int, num: int) -> str:
    """Share and 95 % interval by Wilson."""
    if not num:
        return "-"
    z, share = 1.96, right / num
    middle = (share + z * z / (2 * num)) / (1 + z * z / num)
    half = z * sqrt(share * (1 - share) / num + z * z / (4 * num * num)) / (1 + z * z / num)
    return f"{share:.3f} ({max(0.0, middle - half):.3f}-{min(1.0, middle + half):.3f})"


def report(shared: Path) -> str:
    """The whole table."""
    head = _HEAD.format(bands=STAGE.bands, rows=STAGE.band_rows, threshold=STAGE.threshold)
    parts = [_oracle(shared), _planted(shared), _below(shared), _numbers(shared), _known(shared)]
    return "\n".join([head, *parts])


def _oracle(shared: Path) -> str:
    lines = [
        f"Against brute force over all pairs: {sum(OF_5000.values()):,} real conversations, of every fourth a copy "
        "with typos (none to 4.5 %).\n",
        "| | Jaccard | pairs | linked |",
        "|---|---|---:|---|",
    ]
    for language in LANGUAGES:
        for low, num, linked in real.against_brute_force(shared, language).bands:
            high = "1" if low >= max(real.BANDS) else f"{low + 0.05:.2f}"
            lines.append(f"| {language} | {low:.2f} to {high} | {num} | {interval(linked, num)} |")
    for language, num in OF_5000.items():
        found = real.against_brute_force(shared, language)
        lines.append(
            f"\n{language} (n = {num:,}): {found.exact} of {found.links} links have the exact Jaccard; the lowest "
            f"Jaccard of two in one group is {found.lowest_in_group:.3f}."
        )
    return "\n".join(lines)


def _planted(shared: Path) -> str:
    lines = [_PLANTED.format(threshold=STAGE.threshold)]
    for language in LANGUAGES:
        for kind in talks.KINDS:
            for one in real.planted(shared, language, kind):
                recall = interval(one.found, one.near)
                cells = (kind, one.strength, f"{one.median:.3f}", one.near, recall, one.wrong, f"{one.f1:.3f}")
                lines.append(f"| {language} | {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _below(shared: Path) -> str:
    lines = [
        "\nBelow the threshold: the share of those copies, all kinds together, that is compared, and what bands alone "
        "find by arithmetic. Sketches then let go of pairs they take for far.\n",
        "| | Jaccard | copies | compared | arithmetic |",
        "|---|---|---:|---|---:|",
    ]
    for language in LANGUAGES:
        found = [one for kind in talks.KINDS for one in real.planted(shared, language, kind)]
        for at, low in enumerate(BELOW):
            parts = [one.below[at] for one in found]
            num, compared = (sum(part[k] for part in parts) for k in (1, 2))
            expected = sum(part[1] * part[3] for part in parts) / num
            lines.append(
                f"| {language} | {low:.2f} to {low + 0.05:.2f} | {num} | {interval(compared, num)} | {expected:.3f} |"
            )
    at = ", ".join(f"{j}: {detection(j, STAGE.bands, STAGE.band_rows):.3f}" for j in (0.75, 0.8, 0.85, 0.9))
    return "\n".join([*lines, f"\nArithmetic at Jaccard {at}."])


def _numbers(shared: Path) -> str:
    lines = ["\nOther numbers and nothing else: every digit of a real conversation replaced.\n"]
    for language in LANGUAGES:
        num, merged, marked, alike = real.other_numbers(shared, language)
        lines.append(
            f"- {language} (n = {num}): merged {merged}, marked `dedup_entity_conflict` {marked}; {alike} of these "
            "alike but for the numbers. Merged are those whose new numbers are the old ones in another order."
        )
    return "\n".join(lines)


def _known(shared: Path) -> str:
    pairs = oracle.groups(STAGE, real.conversations(shared, "tau2"))
    boilerplate = [len(oracle.groups(STAGE, real.several_turns(shared, name))) for name in ("stc3-cn", "stc3-en")]
    return (
        f"\ntau2 holds 164 conversations twice: {len(pairs)} groups, of {sorted(set(map(len, pairs.values())))} each. "
        f"STC-3, boilerplate of many brands: {boilerplate[0]} groups in Chinese, {boilerplate[1]} in English.\n"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=REPOSITORY / ".." / "shared" / "data", help="the real sets")
    sys.stdout.write(report(parser.parse_args().shared.resolve()))
