"""The knowledge unit: the smallest independent fact, bounded by where it applies (report section 2.2.2).

A unit, shortened:
    {"unit_id": "4c1f…", "key": "policies/airline.md#modify-flight/3", "kind": "regulation", "scenarios": ["airline"],
     "background": "Airline Agent Policy > Modify flight", "questions": ["What applies to: change cabin?"],
     "solution": "Cabin class must be the same across all the flights in the same reservation.", …}

Background and questions bound where a unit applies; the solution says what to do.
"""

from typing import Final

import pyarrow as pa

QUESTION_ANSWER: Final = "question_answer"
REGULATION: Final = "regulation"
PROCEDURE: Final = "procedure"
FRAGMENT: Final = "fragment"
KINDS: Final = (QUESTION_ANSWER, REGULATION, PROCEDURE, FRAGMENT)
"""The report's four: consultation by question and answer, regulatory documents, workflows, fragmentary knowledge."""

TOOL: Final = pa.struct(
    [
        pa.field("name", pa.string()),
        pa.field("description", pa.string()),
        pa.field("parameters", pa.string()),  # JSON text: the JSON schema of the arguments
        pa.field("returns", pa.string()),  # JSON text: the JSON schema of one result
    ]
)
"""The one form in which a unit describes a tool, whatever its document called it."""

UNIT: Final = pa.schema(
    [
        pa.field("unit_id", pa.string()),  # hex, 32 characters; of the content alone
        pa.field("key", pa.string()),  # where it stands: document#place; a changed unit keeps its key
        pa.field("kind", pa.string()),
        pa.field("scenarios", pa.list_(pa.string())),
        pa.field("entity", pa.string()),  # what it is about alone (a hotel), or null
        pa.field("language", pa.string()),  # zh, en
        pa.field("background", pa.string()),
        pa.field("questions", pa.list_(pa.string())),
        pa.field("solution", pa.string()),
        pa.field("tools", pa.list_(TOOL)),
        pa.field("output_format", pa.string()),  # JSON schema of reply and tool call; null where no tool is used
        pa.field("version", pa.int32()),  # of the base, in which this content first stood
        pa.field("valid_from", pa.string()),  # YYYY-MM-DD, from this day on; null: always was
        pa.field("valid_until", pa.string()),  # YYYY-MM-DD, before this day; null: until further notice
        pa.field("set_aside_why", pa.string()),  # null: may be retrieved
        pa.field("duplicate_of", pa.string()),  # unit_id that says the same
    ]
)
"""A version of a knowledge base holds every unit that ever stood in it, those that ended too."""

RETRIEVED: Final = pa.struct([pa.field("unit_id", pa.string()), pa.field("score", pa.float32())])
"""A unit fetched for a conversation; `score`: its lexical nearness to what was said, from 0."""
