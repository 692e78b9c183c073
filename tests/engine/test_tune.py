"""`refinery plan tune` over a small lake: what it says is what a run with those thresholds does."""

import re

import pytest
from typer.testing import CliRunner

from refinery.cli import app
from refinery.engine.tune import changed, tune
from refinery.errors import LakeError, PlanError
from refinery.lake.tuning import Scored, tuned
from refinery.lake.views import connect
from refinery.quality.gate import CHECKS, Gate
from refinery.storage.store import Store
from tests.engine.runs import rows, run
from tests.logs import STAGES, conversation, plan, write

SECRET = "我的猫叫阿福 my cat is Alfred"
HELLO = [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "您好！请问有什么可以帮您？"}]
ALONE = [{"role": "user", "content": SECRET}]
LOUD = [{"role": "user", "content": "★☆★☆★☆★☆ a b c d"}, {"role": "assistant", "content": "☆★☆★☆★☆★ e f g h"}]
TOO_MANY = [{"role": "user", "content": "again"}] * 2_001
GATE = "quality.gate: {min_words: 8, max_symbol_share: 0.9}"
PLACE = STAGES.index("quality.gate")
KINDS = {**dict.fromkeys(range(20, 24), HELLO), 24: ALONE, 25: LOUD, 26: LOUD, 27: TOO_MANY}


def with_gate(gate):
    return (*STAGES[:PLACE], gate, *STAGES[PLACE + 1 :])


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A plan, and a lake it was run into: good, short, greeting, alone, loud; one too long for the intake."""
    folder = tmp_path_factory.mktemp("tune")
    records = [conversation(i) for i in range(20)]
    records += [conversation(i, messages=said) for i, said in KINDS.items()]
    write(folder / "logs" / "a.jsonl", records)
    run(plan(folder, folder / "logs", with_gate(GATE)), folder / "lake")
    return folder


def lines(home, *changes, path=None):
    return list(tune(path or home / "plan.yaml", str(home / "lake"), changes))


def aside(home, folder, gate):
    """The ids that a run of the same logs with another gate sets aside there."""
    folder.mkdir()
    run(plan(folder, home / "logs", with_gate(gate)), folder / "lake")
    return set_aside(folder / "lake")


def set_aside(lake):
    query = "SELECT conversation_id FROM conversations WHERE set_aside_by = 'quality.gate'"
    return {name for (name,) in rows(lake, query)}


def block(said, threshold):
    """The lines about one threshold."""
    start = next(i for i, line in enumerate(said) if line.startswith(f"{threshold} = "))
    return said[start : said.index("", start) if "" in said[start:] else None]


def test_it_says_what_the_run_set_aside_and_leaves_out_what_never_came_to_the_gate(home):
    said = lines(home)
    num = len(set_aside(home / "lake"))
    assert said[0].startswith("27 conversations of logs in ")
    assert said[1].startswith("1 more were set aside before it")
    assert said[2] == f"this plan's gate sets aside {num} ({num / 27:.2%})"
    assert rows(home / "lake", "SELECT count(*) FROM conversations WHERE set_aside_why = 'too_long'") == [(1,)]


def test_every_threshold_of_the_gate_is_shown_with_its_reason(home):
    said = lines(home)
    for check in CHECKS:
        first = block(said, check.threshold)[0]
        assert first.startswith(f"{check.threshold} = ") and f"-> {check.reason}: " in first


def test_a_score_is_spread_by_source_and_language_and_its_check_counted_in_each(home):
    said = block(lines(home), "max_symbol_share")
    table = {line.split()[0]: line.split()[1:] for line in said if re.match(r"  (all|logs|zh|en) ", line)}
    assert table["all"][0] == table["logs"][0] == "27"
    assert int(table["zh"][0]) + int(table["en"][0]) + sum("mixed" in line for line in said) == 27
    assert table["all"][-1] == "0"
    assert any(re.fullmatch(r"  0 \|.{20}\| 1 .*", line) for line in said)


def test_what_a_threshold_sets_aside_alone_and_by_it_only(home):
    said = block(lines(home), "min_words_beyond_boilerplate")
    assert said[0].endswith("-> boilerplate_only: 4 (14.81%) now, 4 by it only")
    assert block(lines(home), "min_turns")[0].endswith("-> too_few_turns: 1 (3.70%) now, 0 by it only")


def test_each_value_tried_sets_aside_as_many_as_a_run_with_it(home, tmp_path):
    with connect(Store(home / "lake")) as con:
        gate = Gate(min_words=8, max_symbol_share=0.9)
        num, found = tuned(Scored(con, "lake", ["logs"], ["intake"]), gate)
    assert num == len(set_aside(home / "lake"))
    tried = {one.check.threshold: one.trials for one in found}
    others = [(n, t) for n in ("min_words", "max_symbol_share") for t in tried[n] if t.value != getattr(gate, n)]
    assert len({trial.together for _, trial in others} | {num}) >= 3
    for name, trial in others:
        changed_gate = ", ".join(f"{n}: {trial.value if n == name else getattr(gate, n)}" for n in tried if n in GATE)
        gone = aside(home, tmp_path / f"{name}-{trial.value}", f"quality.gate: {{{changed_gate}}}")
        assert trial.together == len(gone)


def test_set_says_which_conversations_would_move_either_way(home, tmp_path):
    changes = ("max_symbol_share=0.4", "min_words_beyond_boilerplate=0")
    before = set_aside(home / "lake")
    after = aside(home, tmp_path / "other", f"quality.gate: {{min_words: 8, {', '.join(changes).replace('=', ': ')}}}")
    said = "\n".join(lines(home, *changes))
    _, gone, back = (set(re.findall(r"[0-9a-f]{32}", part)) for part in re.split("would be|would pass", said))
    assert (gone, back) == (after - before, before - after)
    assert len(gone) == 2 and len(back) == 4
    assert "logs: 2, live now" in said and "logs: 4, live now 0" in said


def test_no_more_than_five_ids_are_named_and_always_the_same(home):
    said = [line for line in lines(home, "min_words=1000") if line.startswith("  logs:")]
    assert len(re.findall(r"[0-9a-f]{32}", said[0])) == 5
    assert said == [line for line in lines(home, "min_words=1000") if line.startswith("  logs:")]


def test_a_lake_made_with_other_thresholds_is_told_so(home, tmp_path):
    path = plan(tmp_path, home / "logs", with_gate("quality.gate"))
    assert any(line.startswith("the lake was made with other thresholds") for line in lines(home, path=path))
    assert not any("other thresholds" in line for line in lines(home))


def test_no_log_text_is_shown(home):
    said = "\n".join(lines(home) + lines(home, "min_turns=0"))
    assert "Alfred" not in said and "阿福" not in said


def test_it_writes_nothing(home):
    before = sorted(home.rglob("*"))
    lines(home)
    assert sorted(home.rglob("*")) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("min_turn=2", "names: min_turns"),
        ("min_turns", "say name=value"),
        ("max_symbol_share=2", "max_symbol_share: .* less than or equal to 1"),
        ("languages=[fr]", "languages.0: .*'zh', 'en' or 'other'"),
        ("min_turns=[", "the value is not YAML"),
    ],
)
def test_a_wrong_change_says_what_is_known(change, said):
    with pytest.raises(PlanError, match=said):
        changed(Gate(), [change])


@pytest.mark.parametrize(
    ("change", "name", "value"),
    [
        ("max_words=100", "max_words", 100),
        ("max_words=null", "max_words", None),
        ("languages=[zh, en]", "languages", ("zh", "en")),
        ("cut_off=false", "cut_off", False),
    ],
)
def test_a_change_is_written_as_in_a_plan(change, name, value):
    assert getattr(changed(Gate(max_words=5), [change]), name) == value


def test_a_lake_without_scores_says_which_are_missing_and_what_to_do(home, tmp_path):
    bare = plan(tmp_path, home / "logs", ("intake.redact", "intake.identity"))
    run(bare, tmp_path / "lake")
    with pytest.raises(LakeError, match=r"have no cut_off, .*run the plan again"):
        list(tune(home / "plan.yaml", str(tmp_path / "lake"), ()))


def test_a_lake_of_other_sources_says_which_it_holds(home, tmp_path):
    path = plan(tmp_path, home / "logs")
    path.write_text(path.read_text().replace("name: logs", "name: others"))
    with pytest.raises(LakeError, match=r"no conversations of \['others'\]; its sources: logs"):
        lines(home, path=path)


def test_a_plan_without_a_gate_has_nothing_to_tune(home, tmp_path):
    path = plan(tmp_path, home / "logs", ("intake.redact", "intake.identity"))
    with pytest.raises(PlanError, match="0 stages are quality.gate"):
        lines(home, path=path)


def test_the_command_prints_it_and_an_error_is_one_sentence(home):
    arguments = ["plan", "tune", str(home / "plan.yaml"), "--lake", str(home / "lake")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0 and "max_symbol_share = 0.9 -> symbols" in done.stdout
    done = CliRunner().invoke(app, [*arguments, "--set", "max_symbol_share=0.4", "--set", "min_words=0"])
    assert done.exit_code == 0 and "2 (7.41%) would be set aside" in done.stdout
    done = CliRunner().invoke(app, [*arguments, "--set", "nonsense=1"])
    assert done.exit_code == 1 and done.stderr.startswith("PlanError: --set nonsense=1")
