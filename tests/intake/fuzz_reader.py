"""A coverage-guided fuzzer over the intake: `python -m tests.intake.fuzz_reader SECONDS CORPUS`, run by `make soak`.

The first byte of an input says under which name the rest is read, and whether it is packed first: what stands behind a
check sum is reached that way. Ends with an error, and keeps the input below CORPUS, at the first that breaks a claim of
`tests.intake.oracle`.
"""

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["refinery.intake", "refinery.engine.intake", "tarfile", "zipfile", "gzip"]):
    import gzip  # noqa: F401
    import tarfile  # noqa: F401
    import zipfile  # noqa: F401

    from tests.intake import oracle

from tests.intake.hostile import archives, records, texts
from tests.intake.hostile.case import lines

_PACKED = ("a.jsonl.gz", "a.jsonl.zst", "a.zip", "a.tar", "a.tar.gz")
_INPUTS = [(name, False) for name in oracle.NAMES] + [(name, True) for name in _PACKED]
_MAX_BYTES = 2**14
_WORDS = r"""
    messages role content conversation_id signals tool_calls function arguments created_at turns utterances Events
    Scenario traj simulations reward_info PAR1 PK\x03\x04 PK\x01\x02 PK\x05\x06 ustar \x1f\x8b\x08
    \x28\xb5\x2f\xfd \xef\xbb\xbf \xff\xfe \\ud800""".split()


def one(data: bytes) -> None:
    """Reads one input; raises where a claim does not hold."""
    if data:
        name, pack = _INPUTS[data[0] % len(_INPUTS)]
        oracle.read_all(name, oracle.packed(name, data[1:]) if pack else data[1:])


def seed(corpus: Path) -> None:
    """Small whole and malformed files of every kind, as inputs."""
    corpus.mkdir(parents=True, exist_ok=True)
    whole = [(name, oracle.packed(name, oracle.CONTENT)) for name in oracle.NAMES]
    broken = [(case.name, case.make) for case in (*texts.CASES, *records.CASES, *archives.CASES)]
    for number, (name, data) in enumerate([*whole, *broken, ("a.jsonl", lines(records.TYPED))]):
        ends = [i for i, (known, pack) in enumerate(_INPUTS) if not pack and name.endswith(known[1:])]
        if ends and isinstance(data, bytes) and len(data) < _MAX_BYTES:
            (corpus / f"seed{number:03d}").write_bytes(bytes([ends[-1]]) + data)


def main() -> None:
    """Fuzzes for so many seconds."""
    seconds, corpus = sys.argv[1], Path(sys.argv[2])
    seed(corpus)
    words = corpus.parent / "words.txt"
    words.write_text("".join(f'"{word}"\n' for word in _WORDS), encoding="utf-8")
    options = [f"-max_total_time={seconds}", f"-max_len={_MAX_BYTES}", "-timeout=20", "-rss_limit_mb=4096"]
    options += [f"-dict={words}", f"-artifact_prefix={corpus.parent}/fault-", "-print_final_stats=1", str(corpus)]
    atheris.Setup([sys.argv[0], *options], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
