"""Every kind of personal data, in both languages, is gone from every place of a conversation that holds text."""

import json

import pyarrow as pa
import pytest

from refinery.intake.redact import Redact

SCHEMA = Redact().writes()
SAID = {
    "PHONE": ("我的电话是138-1234-5678", "call me at (415) 555-2671"),
    "EMAIL": ("邮箱ann@example.com", "mail ann@example.com"),
    "CN_ID": ("身份证11010519491231002X", "my Chinese ID is 11010519491231002X"),
    "CARD": ("卡号4111111111111111", "my card 4111 1111 1111 1111"),
    "NAME": ("我叫张伟", "my name is Ann Lee"),
    "SSN": ("社安号219-09-9999", "my SSN is 219 09 9999"),
    "PASSPORT": ("护照号E12345678", "passport C12345678"),
    "PLATE": ("车牌京A12345", "license plate 7ABC123"),
    "IBAN": ("账户DE89370400440532013000", "IBAN DE89 3704 0044 0532 0130 00"),
    "IP": ("登录IP 203.45.67.89", "my IP is 203.45.67.89"),
    "ACCOUNT": ("户号77120394", "account number 77120394"),
    "PIN": ("支付密码031492", "my PIN is 0314"),
    "BIRTH_DATE": ("生日1990年5月20日", "born on May 20, 1990"),
    "ADDRESS": ("住上海市徐汇区漕溪北路88号1203室", "I live at 12 Oak St, Springfield, IL 62704"),
    "HANDLE": ("QQ号123456789", "my wechat is annlee_88"),
}


def masked(text, place):
    row = dict.fromkeys(SCHEMA.names)
    turn = {"turn_idx": 0, "role": "user", "content": "ok"}
    call = {"id": "c1", "name": "note.add", "arguments": json.dumps({"note": text}, ensure_ascii=False)}
    note = call["arguments"]
    rows = {
        "content": {"turns": [turn | {"content": text}]},
        "a tool's arguments": {"turns": [{"turn_idx": 0, "role": "assistant", "tool_calls": [call]}]},
        "a tool's result": {"turns": [{"turn_idx": 0, "role": "tool", "tool_call_id": "c1", "content": note}]},
        "signals": {"signals": [{"other": note}]},
        "a caption": {"attachments": [{"turn_idx": 0, "uri": "s3://b/1.png", "caption": text}]},
        "metadata": {"metadata": note},
        "scenario": {"scenario": text},
        "a call to another service": {"outbound_calls": [{"turn_idx": 0, "request": text, "parameters": note}]},
        "a sub-agent": {"sub_agents": [{"turn_idx": 0, "name": "pay", "signals": note}]},
    }
    given = pa.Table.from_pylist([row | rows[place]], SCHEMA)
    return json.dumps(Redact().open()(given).to_pylist(), ensure_ascii=False, default=str)


@pytest.mark.parametrize(
    "place",
    ["content", "a tool's arguments", "a tool's result", "signals", "a caption", "metadata", "scenario",
     "a call to another service", "a sub-agent"],
)  # fmt: skip
@pytest.mark.parametrize("kind", SAID)
def test_a_value_is_gone_from(kind, place):
    for text in SAID[kind]:
        out = masked(text, place)
        assert f"[{kind}_1]" in out, (text, out)
        assert not any(part in out for part in text.split() if any(c.isdigit() for c in part)), (text, out)
