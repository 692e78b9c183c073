"""A tenant's folder changes lists and rules without a fork, strictly."""

from pathlib import Path

import pytest

from refinery.errors import RuleError
from refinery.inspection.inspect import check, inspect_table, run_tests
from refinery.inspection.online import Online
from refinery.inspection.rulebook import ruleset_version
from tests.inspection.talks import POLICIES, changed, detecting, folder, row, said, talks


def tenant(path: Path, text: str = "", *rules: dict) -> Path:
    """A tenant's folder with this `overrides.yaml` and these rules."""
    made = folder(path, *rules) if rules else path
    made.mkdir(exist_ok=True)
    for table in ("taxonomy.yaml", "policies.yaml", "preference_issues.yaml"):
        (made / table).unlink(missing_ok=True)
    for listed in (made / "lists").glob("*.yaml"):
        listed.unlink()
    if text:
        (made / "overrides.yaml").write_text(text, encoding="utf-8")
    return made


def test_a_changed_list_and_a_changed_rule_act_and_the_shipped_files_stay(tmp_path: Path):
    base = folder(tmp_path / "rules", detecting("a", a={"keywords": {"list": "secrets"}}))
    acme = tenant(
        tmp_path / "acme",
        "lists: {secrets: {remove: {en: [PIN], zh: [PIN]}, add: {zh: [暗号]}}}\n"
        "rules: {EXP.no_empathy.001: {enforce: reflect}}",
    )
    table = talks(row(said("PIN"), said("password"), said("暗号")))
    plain, theirs = (inspect_table(table, base, POLICIES, over)["findings"][0].as_py() for over in (None, acme))
    assert [f["turn_idx"] for f in plain] == [0, 1] and {f["enforce"] for f in plain} == {"report"}
    assert [f["turn_idx"] for f in theirs] == [1, 2] and {f["enforce"] for f in theirs} == {"reflect"}
    assert {f["ruleset_version"] for f in plain}.isdisjoint(f["ruleset_version"] for f in theirs)


def test_a_tenant_adds_rules_and_lists_of_its_own(tmp_path: Path):
    base = folder(tmp_path / "rules", changed())
    acme = tenant(tmp_path / "acme", "", changed(id="EXP.no_empathy.900"))
    assert [rule.id for rule in check(base, acme)] == ["EXP.no_empathy.001", "EXP.no_empathy.900"]


def test_a_list_of_tools_that_names_another_follows_its_change(tmp_path: Path):
    base = folder(tmp_path / "rules", detecting("a", a={"tool": {"name": {"list": "money_back_tools"}}}))
    acme = tenant(tmp_path / "acme", "lists: {refund_tools: {add: {any: [wallet.refund]}}}")
    table = talks(row(said(None, ("wallet.refund", "{}"))))
    assert inspect_table(table, base, POLICIES)["findings"].to_pylist() == [[]]
    assert len(inspect_table(table, base, POLICIES, acme)["findings"].to_pylist()[0]) == 1


@pytest.mark.parametrize(
    ("text", "said_so"),
    [
        ("lists: {secretz: {add: {en: [x]}}}", "no list `secretz`; known: "),
        ("lists: {secrets: {remove: {en: [nothing]}}}", "`nothing` is not in it"),
        ("lists: {secrets: {drop: {en: [PIN]}}}", "unknown key `lists.secrets.drop`; known here: add, remove"),
        ("rules: {EXP.no_empathy.009: {enforce: off}}", "no rule EXP.no_empathy.009"),
        ("rules: {EXP.no_empathy.001: {detect: null}}", "unknown key .*detect.*known here: applies, confidence"),
        ("rules: {EXP.no_empathy.001: {enforce: block}}", "299 reviewed hits"),
        ("rules: {EXP.no_empathy.001: {status: stable}}", "at least two hits and two misses"),
        (
            "lists: {refund_tools: {remove: {any: [refund.create]}}}",
            "nothing is left",
        ),
    ],
)
def test_a_wrong_override_is_refused(tmp_path: Path, text: str, said_so: str):
    with pytest.raises(RuleError, match=f"overrides.yaml.*{said_so}"):
        check(folder(tmp_path / "rules", changed()), tenant(tmp_path / "acme", text))


def test_a_list_of_a_shipped_name_is_refused(tmp_path: Path):
    acme = tenant(tmp_path / "acme")
    (acme / "lists").mkdir()
    (acme / "lists/secrets.yaml").write_text("kind: keywords\ndescription: ours\nentries: {en: [x]}\n")
    with pytest.raises(RuleError, match=r"lists/secrets.yaml: a list of that name is shipped"):
        check(folder(tmp_path / "rules", changed()), acme)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path):
    with pytest.raises(RuleError, match="no such folder"):
        check(folder(tmp_path / "rules", changed()), tmp_path / "nobody")


def test_a_stage_with_overrides_is_another_stage(tmp_path: Path):
    base, acme = folder(tmp_path / "rules", changed()), tenant(tmp_path / "acme", "rules: {}")
    plain, theirs = Online(rules=base), Online(rules=base, overrides=acme)
    before = theirs.fingerprint()
    assert plain.fingerprint() != before
    (acme / "overrides.yaml").write_text("rules: {EXP.no_empathy.001: {enforce: off}}")
    assert theirs.fingerprint() != before
    assert ruleset_version(base) != ruleset_version(base, acme)


def test_the_examples_run_as_the_tenant_has_it(tmp_path: Path):
    hit = {"turns": [{"role": "assistant", "content": "PIN"}], "expect": {"turn": 0}}
    rule = detecting("a", a={"keywords": {"list": "secrets"}}) | {"tests": {"hits": [hit]}}
    base = folder(tmp_path / "rules", rule)
    acme = tenant(tmp_path / "acme", "lists: {secrets: {remove: {en: [PIN], zh: [PIN]}}}")
    assert [trial.passed for trial in run_tests(base)] == [True]
    assert [trial.passed for trial in run_tests(base, acme)] == [False]
