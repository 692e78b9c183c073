"""Words are asked of a head: what it shows, where it abstains, and what its file may hold."""

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from refinery.errors import RuleError
from refinery.inspection.policies import HEAD_FILE, Policies
from refinery.inspection.recognition.head import ABSTAINED, HEAD, TEMPLATE, UNKNOWN, Head
from refinery.text.features import Texts, features
from tests.inspection.talks import POLICIES, RULES, asked, row, said, talks

SHIPPED = RULES / HEAD_FILE


def recognised(*rows: dict, head: Path = SHIPPED) -> list[dict]:
    return Policies(path=POLICIES, head=head).open()(talks(*rows).select(["turns"])).to_pylist()


def with_template(text: str, *names: str) -> Head:
    head = Head.load(SHIPPED)
    template = features(Texts.of(pa.array([text])))[2]
    return replace(head, templates=template, template_policies=np.isin(head.names, names)[None])


@pytest.mark.parametrize(
    "text, policies",
    [
        ("On what date would the plumber suit you best?", ["ask_time"]),
        ("请问您想改到哪一天呢？", ["ask_time"]),
        ("Thanks for calling the library, goodbye!", ["closing"]),
        ("感谢您致电图书馆，再见！", ["closing"]),
        ("Is there anything else I could do about the parking permit?", ["offer_more_help"]),
        ("关于停车证，请问还有其他可以帮您的吗？", ["offer_more_help"]),
    ],
)
def test_the_shipped_head_reads_words_of_either_language_in_domains_that_it_has_not_seen(text: str, policies: list):
    assert recognised(row(asked("x"), said(text))) == [{"policies": [[], policies], "policies_by": [None, "head"]}]


def test_several_sentences_show_several_policies():
    found = recognised(row(said("Your parking permit has been booked. Is there anything else I can do for you?")))
    assert found[0]["policies"] == [["offer_more_help", "report_success"]]


@pytest.mark.parametrize(
    "text", ["", None, "Hmm.", "嗯嗯", "🙂", "One moment please.", '{"rows": [1, 2]}', "Übermorgen"]
)
def test_it_abstains_where_words_show_nothing(text: str | None):
    assert recognised(row(said(text))) == [{"policies": [[]], "policies_by": [None]}]


def test_a_label_is_believed_and_its_words_are_not_asked_but_those_of_an_unknown_label_are():
    words = "Which day suits you?"
    found = recognised(row(said(words, label="bank_ask_pin"), said(words, label="custom")))[0]
    assert found == {"policies": [["verify_identity"], ["ask_time"]], "policies_by": ["label", "head"]}


def test_tools_add_to_words():
    found = recognised(row(said("Thank you and goodbye!", ("refund.create", "{}"))))[0]
    assert found == {"policies": [["closing", "issue_refund"]], "policies_by": ["head"]}


def test_a_greeting_is_the_agents_first_words_and_no_later_ones():
    hello = "您好，请问有什么可以帮您？"
    found = recognised(row(asked("在吗"), said(None, ("order.track", "{}")), said(hello), asked("x"), said(hello)))[0]
    assert found["policies"] == [[], ["look_up_record"], ["greeting"], [], []]
    assert found["policies_by"] == [None, None, "head", None, None]


def test_words_of_the_customer_are_not_asked():
    assert recognised(row(asked("Which day suits you?")))[0]["policies"] == [[]]


def test_a_known_template_shows_what_it_was_seen_with_whatever_the_head_says(tmp_path: Path):
    with_template("Which day, at 12?", "closing", "ask_place").save(tmp_path / "head.npz")
    found = recognised(row(said("which DAY at 7?"), said("Which day at noon?")), head=tmp_path / "head.npz")[0]
    assert found == {"policies": [["ask_place", "closing"], ["ask_time"]], "policies_by": ["template", "head"]}
    assert with_template("so", "closing").recognise(pa.array(["So!", "Bye!", "."]), 0.7).how.tolist() == [
        TEMPLATE,
        HEAD,
        ABSTAINED,
    ]


def test_scores_do_not_depend_on_the_texts_beside():
    head, texts = Head.load(SHIPPED), pa.array(["Which day? Thanks.", "您要去哪儿？", None, "Which day? Thanks."])
    scores, _ = head.scores(texts)
    assert np.array_equal(scores[0], scores[3]) and (scores[2] == UNKNOWN).all()
    for i in range(4):
        assert np.array_equal(head.scores(texts.slice(i, 1))[0][0], scores[i])


def test_the_same_head_writes_the_same_bytes_and_reads_back(tmp_path: Path):
    head = Head.load(SHIPPED)
    head.save(tmp_path / "head.npz")
    assert (tmp_path / "head.npz").read_bytes() == SHIPPED.read_bytes()
    assert SHIPPED.stat().st_size < 1_000_000


def test_what_is_no_head_is_refused_by_name(tmp_path: Path):
    text, missing = tmp_path / "text.npz", tmp_path / "missing.npz"
    text.write_text("no archive")
    for path in (text, missing):
        with pytest.raises(RuleError, match=f"{path.name}: no head of `refinery policies train`"):
            Head.load(path)


def test_a_pickle_in_a_head_is_not_opened(tmp_path: Path):
    path = tmp_path / "head.npz"
    with zipfile.ZipFile(SHIPPED) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            if name != "bias.npy":
                new.writestr(name, old.read(name))
        with new.open("bias.npy", "w") as file:
            np.save(file, np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(RuleError, match=r"head\.npz: no head .*\(ValueError\)"):
        Head.load(path)


@pytest.mark.parametrize(
    "name, value, wrong",
    [
        ("weights", np.zeros((2, 3), np.int8), "weights"),
        ("bias", np.full(16, np.nan, np.float32), "bias"),
        ("slope", np.zeros(16, np.int64), "slope"),
        ("slots", np.array([5, 4], np.uint32), "idf"),
        ("slots", Head.load(SHIPPED).slots[::-1], "slots"),
        ("templates", np.array([1], np.uint64), "template_policies"),
        ("centre", np.zeros(3, np.float32), "directions"),
    ],
)
def test_an_array_that_does_not_fit_the_others_is_named(tmp_path: Path, name: str, value: np.ndarray, wrong: str):
    replace(Head.load(SHIPPED), **{name: value}).save(tmp_path / "head.npz")
    with pytest.raises(RuleError, match=rf"head\.npz: array `{wrong}` is not as"):
        Head.load(tmp_path / "head.npz")


def test_a_head_of_other_policies_than_the_list_is_refused(tmp_path: Path):
    head = Head.load(SHIPPED)
    replace(head, names=np.array([f"{name}_x" for name in head.names])).save(tmp_path / "head.npz")
    with pytest.raises(RuleError, match="the head knows policy ask_choice_x, which the list does not"):
        Policies(path=POLICIES, head=tmp_path / "head.npz").open()


def test_an_embedder_belongs_to_its_head():
    with pytest.raises(RuleError, match=r"trained with embedder None, not hash-256"):
        Policies(path=POLICIES, head=SHIPPED, embedder="hash").open()
    with pytest.raises(ValidationError, match="an embedder serves a head"):
        Policies(path=POLICIES, embedder="hash")
    plain, other = (Policies(path=POLICIES, head=SHIPPED, embedder=named) for named in (None, "hash"))
    assert plain.fingerprint() != other.fingerprint() != Policies(path=POLICIES).fingerprint()
