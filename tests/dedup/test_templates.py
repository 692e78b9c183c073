"""Known templates: what counts as one, a list that is frozen, and runs that agree by it."""

import orjson
import pyarrow as pa
import pytest

from refinery.dedup.near import NearDuplicates
from refinery.dedup.templates import answers, frequent, frozen, listing
from refinery.errors import StageError
from refinery.stage import array
from tests.dedup import oracle
from tests.dedup.talks import LANGUAGES, Talk, said, table, talk, turn

CLOSING = {"zh": "请问还有什么可以帮您的吗？", "en": "Is there anything else that I can do for you?"}


def greeted(language: str, num: int) -> list[Talk]:
    """So many different questions, each answered by the same closing; every second with other marks and case."""
    closing = (CLOSING[language], CLOSING[language].upper().rstrip("？?"))
    return [said(talk(i, language, 60)[0]["content"], closing[i % 2]) for i in range(num)]


def turns(talks: list[Talk]) -> pa.Array:
    return array(table(talks), "turns")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_turn_counts_by_the_customer_turns_it_answers_in_any_spelling_and_not_by_conversations(language):
    talks = greeted(language, 9)
    assert frequent(answers(turns(talks)), 9)["num_contexts"].to_pylist() == [9]
    assert frequent(answers(turns(talks)), 10).num_rows == 0
    assert frequent(answers(turns(talks * 5)), 10).num_rows == 0


def test_a_turn_that_opens_the_talk_counts_by_what_comes_after_it():
    hello = [[turn("assistant", "Hello, how can I help?"), turn("user", f"number {word}")] for word in ("a", "b", "c")]
    assert frequent(answers(turns(hello)), 3)["num_contexts"].to_pylist() == [3]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_frozen_list_holds_a_readable_line_a_template_and_reads_back_as_the_same_hashes(language, tmp_path):
    talks = [*greeted(language, 12), *(said(f"{i}{CLOSING[language]}", "ok") for i in "abcde")]
    batches = [turns(talks[:5]), turns(talks[5:])]
    lines = listing(batches, batches, 5)
    found = [orjson.loads(line) for line in lines]
    assert [one["num_contexts"] for one in found] == [12, 5]
    assert found[0]["text"] in {CLOSING[language], CLOSING[language].upper().rstrip("？?")}
    (tmp_path / "list.jsonl").write_bytes(b"".join(lines))
    wanted = sorted(frequent(answers(turns(talks)), 5)["code"].to_pylist())
    assert frozen(tmp_path / "list.jsonl").tolist() == wanted


def test_what_is_no_template_of_a_list_is_said_with_its_line_and_not_shown(tmp_path):
    path = tmp_path / "list.jsonl"
    for line in (b"secret words", b'{"words": "secret"}', b'["secret"]'):
        path.write_bytes(b'{"text": "hi"}\n\n' + line)
        with pytest.raises(StageError, match=r"^list\.jsonl, line 3 is no template; a line is") as error:
            frozen(path)
        assert "secret" not in str(error.value)


@pytest.mark.parametrize("language", LANGUAGES)
def test_by_a_frozen_list_few_conversations_are_decided_as_many_are(language, tmp_path):
    template = talk(1, language, 900)[1::2]
    asked = [talk(i, language, 80)[:1] for i in range(2, 80)]
    unrelated = [[*one, *template] for one in asked]
    few = table(unrelated[:3])
    assert max(map(len, oracle.groups(NearDuplicates(), few).values())) == 3, "three alone show no template"
    (tmp_path / "list.jsonl").write_bytes(b"".join(listing([turns(unrelated)], [turns(unrelated)], 50)))
    stage = NearDuplicates(templates=tmp_path / "list.jsonl")
    assert [each.name for each in stage.rounds()] == ["bands", "compare", "groups"]
    assert oracle.groups(stage, few) == {}
    assert oracle.groups(stage, table(unrelated)) == oracle.groups(NearDuplicates(), table(unrelated)) == {}


def test_another_list_makes_another_fingerprint(tmp_path):
    path = tmp_path / "list.jsonl"
    stage = NearDuplicates(templates=path)
    path.write_bytes(b'{"text": "hi"}\n')
    before = stage.fingerprint()
    path.write_bytes(b'{"text": "hello"}\n')
    assert stage.fingerprint() != before
