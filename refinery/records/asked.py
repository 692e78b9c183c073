"""What the model stages of a run asked, and what it took."""

import pyarrow as pa

TOTALS = pa.schema(
    [
        ("num_requests", pa.int64()),  # distinct
        ("num_asked", pa.int64()),  # by this run
        ("num_replayed", pa.int64()),  # answered by an earlier run
        ("num_failed", pa.int64()),  # no answer came
        ("num_repairs", pa.int64()),  # asked again for a bad answer
        ("num_retries", pa.int64()),  # attempts beyond the first
        ("prompt_tokens", pa.int64()),
        ("completion_tokens", pa.int64()),
        ("seconds", pa.float64()),  # of all answers, added up
    ]
)
"""Tokens, seconds and retries are of what this run asked; answers of earlier runs were paid for then."""

MODELS = pa.schema(
    [
        ("run_id", pa.string()),
        ("step", pa.int32()),
        ("stage", pa.string()),
        ("model", pa.string()),  # the plan's word
        ("name", pa.string()),  # the model's own
        *TOTALS,
        ("cost", pa.float64()),  # by the plan's price; null where it names none
        ("currency", pa.string()),
    ]
)
"""A model stage of a run."""
