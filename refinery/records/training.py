"""The canonical training row: one `samples` table, provenance first, from which every exporter writes.

Tools and arguments are JSON strings: Arrow unifies structs over rows and would leak null keys into prompts.
"""

import pyarrow as pa

MESSAGE = pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())])

SAMPLE = pa.struct(
    [
        pa.field("sample_id", pa.string()),  # hex, 32 characters
        pa.field("kind", pa.string()),  # sft, dpo, rl
        pa.field("turn_idx", pa.int32()),  # the agent turn that is the target
        pa.field("policies", pa.list_(pa.string())),
        pa.field("solution_type", pa.string()),  # the tool called, or reply_only
        pa.field("split", pa.string()),  # train or validation, by hash of the conversation
        pa.field("prompt", pa.list_(MESSAGE)),
        pa.field("completion", pa.list_(MESSAGE)),  # null for rl
        pa.field("rejected", pa.list_(MESSAGE)),  # dpo only
        pa.field("tools", pa.string()),  # JSON text
        pa.field("ground_truth", pa.string()),  # JSON text of reply and tool calls; null where a rule condemns the turn
        pa.field("history", pa.list_(pa.string())),  # every earlier agent reply
        pa.field("num_history_left_out", pa.int32()),  # oldest turns that did not fit the prompt's limit
        pa.field("rule_hits", pa.list_(pa.string())),
        pa.field("ruleset_version", pa.string()),
    ]
)
