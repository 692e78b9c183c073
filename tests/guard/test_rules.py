"""The rules folder changes while the guard serves from it."""

import shutil

import pytest

from refinery.errors import RuleError
from refinery.guard.rules import Rules
from tests.guard.house import House, rule, rules, talk

OTHER = {"let": {"said": {"keywords": ["no idea", "不知道"]}}, "condition": "said"}


def settle(house):
    house.guard.reload()
    house.guard.reload()


def test_a_changed_folder_serves_when_it_came_to_rest(house, tmp_path):
    before = house.post(talk("不知道"))
    rules(tmp_path / "other", rule(id="REP.verbatim.001", detect=OTHER))
    shutil.copytree(tmp_path / "other", tmp_path / "rules", dirs_exist_ok=True)
    house.guard.reload()
    assert house.post(talk("不知道"))["ruleset_version"] == before["ruleset_version"], "it was seen once only"
    house.guard.reload()
    after = house.post(talk("不知道"))
    assert [found["item"] for found in before["findings"] + after["findings"]] == ["REP.verbatim"]
    assert after["ruleset_version"] != before["ruleset_version"]


def test_a_broken_file_refuses_the_whole_set_and_the_last_good_one_serves(house, tmp_path):
    version = house.post(talk("随便"))["ruleset_version"]
    rules(tmp_path / "other", rule(id="REP.verbatim.001", detect=OTHER))
    shutil.copytree(tmp_path / "other", tmp_path / "rules", dirs_exist_ok=True)
    broken = tmp_path / "rules" / "exp" / "no_empathy" / "001_test.yaml"
    good = broken.read_text()
    broken.write_text(good.replace("severity: minor", "severity: awful"))
    settle(house)
    answer = house.post(talk("随便"))
    assert (answer["action"], answer["ruleset_version"]) == ("reflect", version)
    assert house.post(talk("不知道"))["findings"] == [], "the good half of a broken set does not serve"
    status, body = house.ask("GET", "/health")
    assert (status, b'"degraded"' in body) == (200, True)
    assert b"001_test.yaml: key `severity`" in body
    broken.write_text(good)
    settle(house)
    assert house.post(talk("不知道"))["findings"][0]["item"] == "REP.verbatim"
    assert b'"rules_refused":null' in house.ask("GET", "/health")[1]


def test_a_folder_that_vanishes_changes_nothing(house, tmp_path):
    shutil.rmtree(tmp_path / "rules")
    settle(house)
    assert house.post(talk("随便"))["action"] == "reflect"
    assert b"cannot be read whole" in house.ask("GET", "/health")[1]


def test_a_start_over_a_broken_folder_serves_the_last_good_rules(tmp_path):
    house = House(tmp_path)
    version = house.post(talk("随便"))["ruleset_version"]
    house.close()
    (tmp_path / "rules" / "exp" / "no_empathy" / "001_test.yaml").write_text("id: [")
    house = House(tmp_path)
    assert house.post(talk("随便"))["ruleset_version"] == version
    assert b"001_test.yaml" in house.ask("GET", "/health")[1]
    house.close()


def test_a_start_without_any_good_rules_says_what_is_wrong(tmp_path):
    rules(tmp_path / "rules")
    (tmp_path / "rules" / "exp" / "no_empathy" / "001_test.yaml").write_text("id: [")
    with pytest.raises(RuleError, match="001_test.yaml: cannot be read"):
        Rules(tmp_path / "rules", tmp_path / "state").start()


def test_one_copy_of_good_rules_is_kept_and_no_more(house, tmp_path):
    for number in range(3):
        path = tmp_path / "rules" / "exp" / "no_empathy" / "001_test.yaml"
        path.write_text(path.read_text().replace("priority", "priority") + f"# {number}\n")
        settle(house)
    assert len([path for path in (tmp_path / "state").glob("rules-*") if not path.is_symlink()]) == 1
