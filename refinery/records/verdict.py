"""What inspection and judges say of a turn or a conversation."""

import pyarrow as pa

ROUTE = pa.struct([pa.field("sft_exclude", pa.bool_()), pa.field("dpo", pa.bool_()), pa.field("rl", pa.bool_())])

FINDING = pa.struct(
    [
        pa.field("turn_idx", pa.int32()),
        pa.field("item", pa.string()),  # CATEGORY.name, one of the 36
        pa.field("rule_id", pa.string()),  # CATEGORY.name.seq
        pa.field("severity", pa.string()),  # info, minor, major, critical
        pa.field("enforce", pa.string()),  # off, shadow, report, reflect, block
        pa.field("label", pa.string()),
        pa.field("message", pa.string()),
        pa.field("remediation", pa.string()),
        pa.field("route", ROUTE),
        pa.field("ruleset_version", pa.string()),
    ]
)
"""One rule that triggered on one turn. In a conversation they stand gravest first (severity, priority, id)."""
