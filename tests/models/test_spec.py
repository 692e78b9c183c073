"""Models as a plan names them: checked whole, known by name and sampling, free of secrets."""

import pytest
from pydantic import TypeAdapter, ValidationError

from refinery.errors import PlanError
from refinery.models import vllm
from refinery.models.chat import Reply
from refinery.models.script import scripted
from refinery.models.spec import AnyModel, folder_hash
from refinery.stage import Request

READ = TypeAdapter(AnyModel).validate_python
HTTP = {"kind": "http", "url": "http://127.0.0.1/v1/", "name": "m"}


def test_only_what_shapes_an_answer_makes_another_model():
    one = READ(HTTP)
    assert READ(HTTP | {"url": "https://elsewhere/v1", "max_in_flight": 3, "price": None}).identity == one.identity
    others = [{"name": "n"}, {"temperature": 0.1}, {"max_tokens": 5}, {"sampling": {"top_p": 0.5}}]
    assert len({one.identity, *(READ(HTTP | more).identity for more in others)}) == 5


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"kind": "oracle"}, "'http', 'vllm', 'scripted'"),
        ({"api_key": "s3cret"}, "Extra inputs are not permitted"),
        ({"sampling": {"messages": "x"}}, "do not go under `sampling`"),
        ({"max_tries": 0}, "greater than 0"),
    ],
)
def test_a_misshapen_model_is_refused(more, why):
    with pytest.raises(ValidationError, match=why):
        READ(HTTP | more)


def test_a_folder_is_known_by_what_it_holds(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(bytes(10_000_000))
    seen = {folder_hash(tmp_path)}
    for at in (0, 5_000_000, 9_999_999):
        data = bytearray(10_000_000)
        data[at - at % 100_000 : at + 100_000] = b"x" * 100_000
        (tmp_path / "model.safetensors").write_bytes(bytes(data[:10_000_000]))
        seen.add(folder_hash(tmp_path))
    (tmp_path / "config.json").write_text("{ }")
    assert len(seen | {folder_hash(tmp_path)}) == 5


def _ask(path, text, prompt="p/en", vote=0):
    request = Request(({"role": "user", "content": text},), {}, prompt, vote)
    return dict(scripted(path).answer([lambda: [("k", request)]]))["k"]


def test_a_vllm_model_without_vllm_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(vllm, "find_spec", lambda name: None)
    with pytest.raises(PlanError, match=r"needs the package vllm: install refinery\[llm-cpu\] or ray\[llm\]"):
        vllm.Vllm(READ({"kind": "vllm", "path": tmp_path}))


def test_the_first_scripted_line_that_fits_answers(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(
        "- {contains: 退款, answer: {score: 3}}\n- {prompt: p/en, vote: 1, answer: second}\n"
        "- {prompt: p/en, answer: '1'}"
    )
    assert _ask(path, "我要退款") == Reply('{"score":3}')
    assert [_ask(path, "x", vote=1), _ask(path, "x")] == [Reply("second"), Reply("1")]
    assert _ask(path, "x", "q/en") == Reply(None, "no_answer")


def test_a_misshapen_script_is_said(tmp_path):
    (tmp_path / "a.yaml").write_text("- {says: 1}")
    with pytest.raises(PlanError, match="is no list of scripted answers"):
        scripted(tmp_path / "a.yaml")
