"""A row's fate: live while `set_aside_by` is null, else which stage set it aside and why.

No stage drops a row. `set_aside_why` is a snake_case noun a chart can show (`too_few_turns`); `set_aside_error`
names the kind and place of a fault where a stage broke on this one row, and never holds log text.
"""

import pyarrow as pa

SET_ASIDE_BY = pa.field("set_aside_by", pa.string())
SET_ASIDE_WHY = pa.field("set_aside_why", pa.string())
SET_ASIDE_ERROR = pa.field("set_aside_error", pa.string())
FATE = pa.schema([SET_ASIDE_BY, SET_ASIDE_WHY, SET_ASIDE_ERROR])

STAGE_FAULT = "stage_fault"
"""The reason of a row on which a stage raised an error."""
UNANSWERED = "unanswered"
"""The reason of a row that a model stage could not get its answers for."""
BAD_ANSWER = "bad_answer"
"""The reason of a row whose answer, asked for twice, was no JSON or broke its schema."""

RAW_ANSWERS = pa.field(
    "raw_answers",
    pa.list_(
        pa.struct(
            [
                pa.field("prompt", pa.string()),
                pa.field("vote", pa.int32()),
                pa.field("fault", pa.string()),  # what is wrong with it, in the schema's words
                pa.field("answer", pa.string()),  # masked like any text
            ]
        )
    ),
)
"""What the model said to a row that is set aside as `bad_answer`: the first answer and the repaired one."""

QUARANTINE = pa.schema(
    [
        pa.field("source", pa.string()),
        pa.field("source_file", pa.string()),
        pa.field("source_member", pa.string()),
        pa.field("source_line", pa.int64()),  # null where the fault is the file's
        pa.field("source_id", pa.string()),  # where the line parsed and says it
        pa.field("reason", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("raw", pa.string()),  # masked, the first 500 characters; the shape alone where the line parsed
    ]
)
"""Lines that could not be parsed, so that no conversation row exists."""

LEDGER = pa.schema(
    [
        ("run_id", pa.string()),
        ("step", pa.int32()),  # 0 is intake, then the plan's stages in order
        ("stage", pa.string()),
        ("source", pa.string()),
        ("fate", pa.string()),  # read (by intake), quarantined, set_aside, live (after this stage)
        ("reason", pa.string()),
        ("num_rows", pa.int64()),
    ]
)
"""Rows that met one fate at one step of a run."""
