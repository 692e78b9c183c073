"""A rule folder is right as a whole, or an error says what is wrong, where, and which words are known."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from refinery.errors import RuleError
from refinery.inspection.inspect import check, run_tests
from refinery.inspection.rulebook import load_rulebook, ruleset_version
from tests.inspection.talks import ASKS, RULES, changed, detecting, folder

HIT = {"turns": [{"role": "assistant", "content": "whatever"}], "expect": {"turn": 0}}
MISS = {"turns": [{"role": "assistant", "content": "好的"}]}


def test_the_taxonomy_has_ten_categories_36_items_and_eight_issues_over_them():
    book = load_rulebook(RULES)
    assert (len(book.taxonomy.categories), len(book.taxonomy.items), len(book.issues.issues)) == (10, 36, 8)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (changed(severty="minor"), "unknown key `severty`; known here: applies, confidence"),
        (changed(route={"sft": True}), "unknown key `route.sft`; known here: dpo, rl, sft_exclude"),
        (changed(severity="grave"), "key `severity`: .*'info', 'minor', 'major' or 'critical'"),
        (changed(enforce="block"), "299 reviewed hits"),
        (changed(status="stable", tests={"hits": [HIT], "misses": [MISS, MISS]}), "at least two hits and two misses"),
        (changed(scope="dialogue"), "its clauses look at `scope: turn`"),
        (changed(where="both"), "both needs the two"),
        (changed(where="offline", detect=None), "offline `llm`"),
        (changed(valid_from=date(2026, 5, 2), valid_to=date(2026, 5, 1)), "later than `valid_to`"),
        (changed(where="offline", llm=ASKS | {"prompt": "prompts/x"}), "no file prompts/x/prompt.yaml"),
        (changed(where="offline", llm=ASKS | {"steps": ["guess"]}), "'evidence', 'rule_check' or 'adjudication'"),
        (changed(where="offline", llm=ASKS | {"output_schema": "essay"}), "answers by `verdict`, not `essay`"),
        (changed(applies={"policies": {"any": ["refunds"]}}), "unknown policy refunds; known: .*issue_refund"),
        (changed(applies={"languages": ["de"]}), "'zh' or 'en'"),
        (changed(related=["EXP.no_empathy.009"]), "no rule EXP.no_empathy.009"),
        (changed(tests={"hits": [MISS]}), "each hit needs `expect"),
        (changed(tests={"misses": [HIT]}), "`expect` belongs to hits"),
        (
            changed(tests={"misses": [{**MISS, "signals": {"order": {"state": 1}}}]}),
            "unknown key `signals.order.state`",
        ),
        (changed(emit={"label": "Two Words", "message": "x"}), "key `emit.label`"),
    ],
)
def test_a_wrong_key_or_word_is_refused(tmp_path: Path, rule: dict[str, Any], said: str):
    with pytest.raises(RuleError, match=rf"exp/no_empathy/001_test.yaml.*{said}"):
        check(folder(tmp_path / "rules", rule))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (detecting("a", a={"regex": r"(?=x)y"}), r"`detect.let.a`: RE2 refuses the pattern .*no look-around"),
        (detecting("a", a={"regex": r"(a)\1"}), "RE2 refuses the pattern"),
        (detecting("a", a={"regex": "(" + "x{0,1000}|" * 20 + ")"}), "more than 10000"),
        (detecting("a", a={"regex": {"list": "secretz"}}), "no list `secretz` of kind patterns; known: .*ask_secret"),
        (detecting("a", a={"regex": "<<nothing>> here"}), "no list `nothing`"),
        (detecting("a", a={"keywords": {"list": "refund_tools"}}), "of kind keywords"),
        (detecting("a", a={"keywords": []}), "empty list or word"),
        (detecting("a", a={"keywords": ["x"], "regex": "y"}), "one kind a name; known: keywords, regex, number, novel"),
        (detecting("a", a={"tool": {"name": ["t"], "args": {"n": {"over": 3}}}}), "known here: eq, ge, gt, le, lt, ne"),
        (
            detecting("a", a={"tool": {"name": ["t"], "args": {"n": {"gt": {"state": "order.sum"}}}}}),
            "unknown signal `order.sum`",
        ),
        (detecting("a && b", a={"keywords": ["x"]}), "unknown name b; known: a"),
        (detecting("a", a={"keywords": ["x"]}, b={"keywords": ["y"]}), "name b of `let` is not used"),
        (detecting("a && !a", a={"keywords": ["x"]}), "never true"),
        (detecting("a &&", a={"keywords": ["x"]}), "not CEL"),
        (detecting("a ? 1 : 2", a={"keywords": ["x"]}), "not true or false"),
    ],
)
def test_a_detection_that_cannot_run_is_refused(tmp_path: Path, rule: dict[str, Any], said: str):
    with pytest.raises(RuleError, match=said):
        check(folder(tmp_path / "rules", rule))


@pytest.mark.parametrize("condition", ["known", "!word", "word || known", "!word && known"])
def test_a_condition_that_state_alone_can_make_true_is_refused(tmp_path: Path, condition: str):
    let = {"word": {"keywords": ["x"]}, "known": {"state": "order.status == 'shipped'"}}
    used = {name: clause for name, clause in let.items() if name in condition}
    with pytest.raises(RuleError, match="none of its triggers holds"):
        check(folder(tmp_path / "rules", detecting(condition, **used)))


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("evidence.en.md", "${turn}", "the turn", "evidence.en.md: holds the slots .*needs .*turn"),
        ("rule_check.zh.md", "${rule}", "${rules}", "rule_check.zh.md: holds the slots .*rules"),
        ("prompt.yaml", "answer: evidence}", "answer: essay}", "`steps.evidence.answer`: no schema essay"),
        ("prompt.yaml", "evidence: answer", "evidence: anything", "key `slots.evidence`: .*'text', 'turns'"),
        ("prompt.yaml", "type: object", "type: thing", "`schemas.evidence`: no JSON schema"),
        (
            "prompt.yaml",
            "[rule, question, turn, evidence]",
            "[rule, question, turn, proof]",
            "no slot proof; known: rule",
        ),
    ],
)
def test_a_prompt_that_does_not_fit_its_files_is_refused(tmp_path: Path, file: str, old: str, new: str, said: str):
    rules = folder(tmp_path / "rules", changed(where="offline", llm=ASKS))
    path = rules / "prompts/inspect_v1" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RuleError, match=f"prompts/inspect_v1/.*{said}"):
        check(rules)


def test_a_prompt_without_a_file_of_a_language_is_refused(tmp_path: Path):
    rules = folder(tmp_path / "rules", changed(where="offline", llm=ASKS))
    (rules / "prompts/inspect_v1/adjudication.zh.md").unlink()
    with pytest.raises(RuleError, match="adjudication.zh.md: missing"):
        check(rules)


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        ({"keywords": ["x"], "by": "customer"}, "`by` goes with .*`when`: asked, before"),
        ({"tool": {"name": ["x"]}, "by": "tool", "when": "before"}, "`by` goes with keywords and regex"),
        ({"result": {"name": ["x"], "fields": {"a": {"eq": 1}}}}, "a result needs `when`: latest"),
        ({"state": "order.amount > 1", "when": "before"}, "`when` does not go with state"),
        ({"keywords": ["x"], "when": "sometimes"}, "'this', 'move', 'asked'"),
        ({"number": {"regex": "x", "gt": 3}}, "a pattern without a group"),
        ({"number": {"regex": "(x)"}}, "a comparison is empty"),
        ({"policy": ["refunds"], "when": "before"}, "unknown policy refunds; known: .*issue_refund"),
        ({"repeats": {"share": 0.3}}, "greater than or equal to 0.5"),
        ({"regex": "(?m)^x$"}, "`\\(\\?m\\)` is not known"),
        ({"regex": "x*"}, "matches the empty text"),
    ],
)
def test_a_clause_that_cannot_be_asked_is_refused(tmp_path: Path, clause: dict[str, Any], said: str):
    scope = "dialogue" if clause.get("when") == "before" else "turn"
    rule = detecting("word && a", scope=scope, word={"keywords": ["y"]}, a=clause)
    with pytest.raises(RuleError, match=said):
        check(folder(tmp_path / "rules", rule))


@pytest.mark.parametrize(
    ("identity", "said"),
    [
        ("EXP.no_empathy.1", "key `id`"),
        ("XXX.no_empathy.001", "unknown category XXX; known: COMP, SOL"),
        ("EXP.empathy.001", "unknown item empathy of EXP; known: no_empathy, template_leak"),
    ],
)
def test_an_id_outside_the_taxonomy_is_refused(tmp_path: Path, identity: str, said: str):
    with pytest.raises(RuleError, match=said):
        check(folder(tmp_path / "rules", changed(id=identity)))


def test_a_file_in_another_folder_than_its_id_says_is_refused(tmp_path: Path):
    rules = folder(tmp_path / "rules", changed())
    (rules / "exp/no_empathy/001_test.yaml").rename(rules / "exp/001_test.yaml")
    with pytest.raises(RuleError, match="belongs in exp/no_empathy/001_NAME.yaml"):
        check(rules)


def test_one_id_in_two_files_is_refused(tmp_path: Path):
    rules = folder(tmp_path / "rules", changed())
    home = rules / "exp/no_empathy"
    (home / "001_again.yaml").write_bytes((home / "001_test.yaml").read_bytes())
    with pytest.raises(RuleError, match="stands in two files"):
        check(rules)


def test_a_key_that_stands_twice_is_refused(tmp_path: Path):
    rules = folder(tmp_path / "rules", changed())
    path = rules / "exp/no_empathy/001_test.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "\nseverity: major\n", encoding="utf-8")
    with pytest.raises(RuleError, match="key `severity` stands twice"):
        check(rules)


def test_all_wrong_files_are_named_at_once(tmp_path: Path):
    rules = folder(tmp_path / "rules", changed(owner=3), changed(id="EXP.no_empathy.002", title=None))
    with pytest.raises(RuleError) as error:
        check(rules)
    assert len(str(error.value).splitlines()) == 2


def test_off_is_a_word_and_no_boolean(tmp_path: Path):
    rules = folder(tmp_path / "rules", changed())
    path = rules / "exp/no_empathy/001_test.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("enforce: report", "enforce: off"), encoding="utf-8")
    assert check(rules)[0].enforce == "off"


def test_priority_follows_severity_and_the_items_place_where_it_is_not_given(tmp_path: Path):
    rules = folder(
        tmp_path / "rules",
        changed(),
        changed(id="COMP.over_promise.001"),
        changed(id="SOL.wrong_amount.001", priority=7),
    )
    assert [(rule.id, rule.priority) for rule in check(rules)] == [
        ("COMP.over_promise.001", 300),
        ("EXP.no_empathy.001", 266),
        ("SOL.wrong_amount.001", 7),
    ]


def test_the_version_follows_rules_lists_and_tables_but_not_the_folders_place(tmp_path: Path):
    one, two = folder(tmp_path / "one", changed()), folder(tmp_path / "two", changed())
    assert ruleset_version(one) == ruleset_version(two)
    (two / "README.md").write_text("other words", encoding="utf-8")
    assert ruleset_version(one) == ruleset_version(two)
    with (two / "lists/secrets.yaml").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    assert ruleset_version(one) != ruleset_version(two)


def test_an_example_that_does_not_do_as_it_says_is_told(tmp_path: Path):
    tests = {
        "hits": [{**MISS, "expect": {"turn": 0}}],
        "misses": [{"turns": HIT["turns"]}],
        "known_misses": [{"turns": HIT["turns"]}],
    }
    failed = run_tests(folder(tmp_path / "rules", changed(tests=tests)))
    assert [(t.kind, t.passed) for t in failed] == [("hits", False), ("misses", False), ("known_misses", False)]
    assert failed[0].said == "expected a finding on turn [0], got []"
    assert "move it to hits" in failed[2].said


def test_an_example_may_say_what_recognition_makes_of_its_turns(tmp_path: Path):
    applies = {"policies": {"any": ["closing"]}}
    tests = {"hits": [{**HIT, "policies": ["closing"]}], "misses": [{"turns": HIT["turns"]}]}
    trials = run_tests(folder(tmp_path / "rules", changed(applies=applies, tests=tests)))
    assert all(trial.passed for trial in trials) and len(trials) == 2


def test_the_speaker_of_a_turn_is_never_the_customer(tmp_path: Path):
    tests = {"misses": [{"turns": [{"role": "user", "content": "随便, whatever"}]}]}
    assert all(trial.passed for trial in run_tests(folder(tmp_path / "rules", changed(tests=tests))))
