"""The conversation record: one row a conversation, all that a service log holds.

A row, shortened:
    {"conversation_id": "9f0c…", "source": "star", "source_id": "1000", "source_file": "dialogues.tar.gz",
     "source_line": 3, "event_date": "2020-05-25", "turns": [{"turn_idx": 0, "role": "user", "content": "…"}, …],
     "signals": [{"turn_idx": 0, "order": {"status": "shipped", …}, …}], "outcome": {"solution": true, …}, …}

JSON whose shape varies by source (tool arguments, metadata, unknown signal keys) is kept as a JSON string: Arrow
would unify structs over rows and leak null keys from one row into another.
"""

import pyarrow as pa

TIME = pa.timestamp("us", tz="UTC")
STRING = pa.string()


def _struct(**fields: pa.DataType) -> pa.StructType:
    return pa.struct([pa.field(name, kind) for name, kind in fields.items()])


TOOL_CALL = _struct(id=STRING, name=STRING, arguments=STRING)
"""`arguments` is the JSON text of an object, as the log wrote it."""

TURN = _struct(
    turn_idx=pa.int32(),
    role=STRING,
    agent_name=STRING,
    content=STRING,
    tool_calls=pa.list_(TOOL_CALL),
    tool_call_id=STRING,
    created_at=TIME,
    source_label=STRING,
)
"""One message. `role`: system, user, assistant, tool. `turn_idx`: its position in the log's messages, from 0.
`source_label`: the label a human or the source gave this turn (STAR's ActionLabel, STC-3's majority nugget)."""

SIGNAL = _struct(
    turn_idx=pa.int32(),
    source=STRING,
    adopted=pa.bool_(),
    channel=STRING,
    user=_struct(id_hash=STRING, name=STRING, phone=STRING, city=STRING, tier=STRING),
    identity=_struct(verified=pa.bool_(), method=STRING),
    order=_struct(id=STRING, status=STRING, amount=pa.float64(), currency=STRING),
    refund=_struct(status=STRING, amount=pa.float64()),
    compensation=_struct(
        due=pa.bool_(),
        reason=STRING,
        amount=pa.float64(),
        limit=pa.float64(),
        currency=STRING,
        paid=pa.bool_(),
    ),
    risk=_struct(level=STRING, reason=STRING),
    other=STRING,
)
"""What the systems know from turn `turn_idx` on. Amounts in units of `currency`. `other`: JSON of unknown keys."""

PARTICIPANT = _struct(role=STRING, name=STRING, id_hash=STRING)
"""`role`: customer, merchant, rider, agent, sub_agent."""

ATTACHMENT = _struct(turn_idx=pa.int32(), type=STRING, uri=STRING, sha256=STRING, caption=STRING, transcript=STRING)
"""Bytes are never loaded; caption and transcript are text."""

OUTBOUND_CALL = _struct(
    turn_idx=pa.int32(), request=STRING, parameters=STRING, execution=STRING, outcome=STRING, report=STRING
)
"""A call that the agent had made to somebody (mission.md section 3); `parameters` is JSON text."""

SUB_AGENT = _struct(turn_idx=pa.int32(), name=STRING, call_id=STRING, mode=STRING, signals=STRING, adopted=pa.bool_())
"""`mode`: tool (called, returns) or handoff (one way). `signals`: JSON text of what it returned."""

VOTE = _struct(dimension=STRING, value=pa.float32(), num=pa.int32())
"""`num` annotators gave `dimension` (solution, satisfied, quality) the value `value`."""

OUTCOME = _struct(solution=pa.bool_(), satisfied=pa.bool_(), quality=pa.bool_(), votes=pa.list_(VOTE))
"""Each verdict True, False or null. Null is undecided: never counted, never taken as False."""

CONVERSATION = pa.schema(
    [
        pa.field("conversation_id", STRING),  # hex, 32 characters
        pa.field("source", STRING),  # the name that the plan gives the source
        pa.field("source_id", STRING),  # the log's own id, or null
        pa.field("source_file", STRING),  # path below the source's path
        pa.field("source_member", STRING),  # member of an archive, or null
        pa.field("source_line", pa.int64()),  # line, or record of a JSON document, in the file or member; from 1
        pa.field("created_at", TIME),
        pa.field("event_date", STRING),  # YYYY-MM-DD in the plan's timezone, or "undated"
        pa.field("scenario", STRING),
        pa.field("model_version", STRING),
        pa.field("self_sampled", pa.bool_()),
        pa.field("agent_name", STRING),
        pa.field("parent_id", STRING),  # conversation this one was made from or called by
        pa.field("parent_call_id", STRING),  # tool call of the parent, where a sub-agent is a tool
        pa.field("customer_hash", STRING),  # keyed; finds a customer's rows for deletion
        pa.field("content_hash", STRING),  # keyed; over the turns and signals before masking
        pa.field("end_reason", STRING),  # how the log says it ended
        pa.field("num_chars", pa.int64()),  # characters of text in the turns, before masking
        pa.field("num_unpaired_calls", pa.int32()),  # tool calls without an answer, and answers without a call
        pa.field("participants", pa.list_(PARTICIPANT)),
        pa.field("turns", pa.list_(TURN)),
        pa.field("signals", pa.list_(SIGNAL)),
        pa.field("outbound_calls", pa.list_(OUTBOUND_CALL)),
        pa.field("sub_agents", pa.list_(SUB_AGENT)),
        pa.field("attachments", pa.list_(ATTACHMENT)),
        pa.field("outcome", OUTCOME),
        pa.field("metadata", STRING),  # JSON text of all keys that the log form does not know
    ]
)
