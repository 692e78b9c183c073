"""A head is trained from sentences with their policies: reproducible, calibrated on folds, abstaining."""

from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from refinery.cli import app
from refinery.errors import RuleError
from refinery.inspection.policies import HEAD_FILE, Policies, PolicyList
from refinery.inspection.reading import read
from refinery.inspection.recognition.labelled import EXAMPLES, Labelled, held_out, phrases, turns
from refinery.models.embedding import HashEmbedder
from refinery.text.normalise import has_han
from tests.inspection.talks import POLICIES, RULES, row, said, talks

KNOWN = read(POLICIES, "policies.yaml", PolicyList).policies
PHRASES = phrases(RULES / EXAMPLES, KNOWN)
SPOKEN = [name for name, policy in KNOWN.items() if policy.labels]


@pytest.fixture(scope="module")
def trained():
    pytest.importorskip("sklearn", reason="training needs refinery[train]")
    from refinery.inspection.recognition.train import train

    return train


def test_every_spoken_policy_has_sixty_sentences_in_each_language():
    for name in SPOKEN:
        chinese = [has_han(one.text) for one in PHRASES if name in one.policies]
        assert sum(chinese) >= 60 and len(chinese) - sum(chinese) >= 60, name
    assert sum(not one.policies for one in PHRASES) >= 120


def test_a_fifth_is_held_out_and_the_rest_trains_to_find_it(trained):
    train, test = ([one for one in PHRASES if held_out(one.text) is held] for held in (False, True))
    assert 0.17 < len(test) / len(PHRASES) < 0.23
    head = trained(train)
    for chinese in (True, False):
        part = [one for one in test if one.policies and has_han(one.text) is chinese]
        best = head.names[head.scores(pa.array([one.text for one in part]))[0].argmax(axis=1)]
        right = np.mean([name in one.policies for name, one in zip(best, part, strict=True)])
        assert right > 0.7, right  # by chance 1 in 16; measured 0.79 (English) and 0.88 (Chinese)


def test_one_command_makes_the_shipped_head_again(trained, tmp_path: Path):
    """Weights may differ in their last bit between machines; what they say may not."""
    result = CliRunner().invoke(app, ["policies", "train", "--rules", str(RULES), "--out", str(tmp_path / "head.npz")])
    assert result.exit_code == 0, result.output
    assert f"{len(PHRASES):,} phrases, 0 labelled turns" in result.output
    table = talks(row(*[said(one.text) for one in PHRASES])).select(["turns"])
    shipped, again = (
        Policies(path=POLICIES, head=at / name) for at, name in ((RULES, HEAD_FILE), (tmp_path, "head.npz"))
    )
    assert shipped.open()(table).equals(again.open()(table))


def test_labelled_turns_become_templates_where_they_agree(trained):
    turn = [Labelled("Your lucky number is 12.", ("ask_time",)), Labelled("your lucky number is 7", ("ask_time",))]
    torn = [Labelled("Blue is nice", ("closing",)), Labelled("blue is nice!", ("greeting",))]
    head = trained(PHRASES[::8], [*turn, *torn, Labelled("…", ("closing",))])
    assert len(head.templates) == 1
    found = head.recognise(pa.array(["Your lucky number is 99", "Blue is nice", "…"]), 0.7)
    assert [head.names[shown].tolist() for shown in found.shown] == [["ask_time"], [], []]


def test_a_policy_that_cannot_be_told_is_never_shown(trained):
    coin = [Labelled(f"{name} says {'x y'[i % 3]}", (name,)) for i in range(60) for name in ("greeting", "closing")]
    same = [Labelled(one.text.split(" ", 1)[1] + " " * i, one.policies) for i, one in enumerate(coin)]
    head = trained(same)
    assert not head.recognise(pa.array([one.text for one in same]), 0.7).shown.any()


def test_a_head_with_an_embedder_needs_it_and_uses_it(trained, tmp_path: Path):
    head = trained(PHRASES[::4], embedder=HashEmbedder())
    head.save(tmp_path / "head.npz")
    stage = Policies(path=POLICIES, head=tmp_path / "head.npz", embedder="hash")
    assert stage.open()(talks(row(said("再见，祝您愉快！"))).select(["turns"])).to_pylist()[0]["policies"] == [
        ["closing"]
    ]
    texts = pa.array(["Which day suits you?"])
    assert not np.array_equal(head.along(HashEmbedder().embed(texts.to_pylist())), np.zeros((1, len(head.names))))
    with pytest.raises(RuleError, match="trained with embedder hash-256, not None"):
        Policies(path=POLICIES, head=tmp_path / "head.npz").open()


def test_labelled_turns_are_read_from_json_lines_and_no_text_stands_in_an_error(tmp_path: Path):
    path = tmp_path / "turns.jsonl"
    good = orjson.dumps({"text": "When?", "policies": ["ask_time", "ask_time"]})
    path.write_bytes(good)
    assert turns(path, KNOWN) == [Labelled("When?", ("ask_time",))]
    for bad in (b'{"text": "secret"}', b"secret", b'{"text": "secret", "policies": ["secret_policy"]}'):
        path.write_bytes(good + b"\n" + bad)
        with pytest.raises(RuleError, match=r"turns\.jsonl:2: ") as caught:
            turns(path, KNOWN)
        assert "secret" not in str(caught.value)


def test_phrases_are_read_strictly(tmp_path: Path):
    path = tmp_path / "examples.yaml"
    for text, said_of in (
        ("groups: [{policies: [ask_tim], en: When}]", "unknown policy ask_tim; known: "),
        ("groups: [{policies: [ask_time], en: When}, {policies: [], en: When}]", "stands twice"),
        ("groups: [{policies: [ask_time], de: Wann}]", "unknown key `groups.0.de`"),
        ("groups: [{policies: [ask_time, ask_time], en: When}]", "a policy stands twice"),
    ):
        path.write_text(text)
        with pytest.raises(RuleError, match=said_of):
            phrases(path, KNOWN)


def test_nothing_to_train_on_is_said(trained):
    with pytest.raises(RuleError, match="no example shows a policy"):
        trained([Labelled("x", ())])
