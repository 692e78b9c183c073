"""A settings file is right as a whole, or what is wrong is said."""

from pathlib import Path

import pytest

from refinery.errors import RuleError
from refinery.guard.settings import load_settings
from tests.guard.house import BREAKER, write_settings

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_shipped_settings_are_well_formed(monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    settings = load_settings(Path("pipelines/guard.yaml"))
    assert settings.breaker.of("COMP.abusive_language", "minor").finding == "hand_to_human"
    assert settings.breaker.of("COMP.over_promise", "critical").finding == "block"


@pytest.mark.parametrize(
    ("breaker", "said"),
    [
        ({"window_seconds": 0}, "key `breaker.window_seconds`"),
        ({"windows": 1}, "unknown key `breaker.windows`; known here: inspector, items, max_scopes"),
        ({"severities": {"critical": BREAKER["severities"]["critical"]}}, "lacks info, minor, major"),
        ({"items": {"EXP.nonsense": {}}}, "guard.yaml: key `breaker.items.EXP.nonsense`: unknown item; known: COMP"),
        ({"items": {"EXP.no_empathy": {"open": "pass"}}}, "'block', 'fall_back' or 'hand_to_human'"),
        ({"items": {"EXP.no_empathy": {"canary_share": 2}}}, "less than or equal to 1"),
        ({"inspector": BREAKER["inspector"] | {"fails": "loudly"}}, "'open' or 'closed'"),
    ],
)
def test_what_is_wrong_is_said_with_file_key_and_known_words(tmp_path, breaker, said):
    with pytest.raises(RuleError) as error:
        load_settings(write_settings(tmp_path, breaker))
    assert said in str(error.value)
    assert str(error.value).startswith("guard.yaml: ")


def test_a_rules_folder_that_is_none_is_said(tmp_path):
    path = write_settings(tmp_path, rules=str(tmp_path))
    with pytest.raises(RuleError, match="key `rules`: .* holds no taxonomy.yaml"):
        load_settings(path)
