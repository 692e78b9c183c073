"""The one error tree of the house.

RefineryError
├── PlanError        the plan cannot be read or does not fit together (nothing has run)
├── InputError       an input is missing, unreadable or changed since the run froze it
│   └── ParseError   one record cannot be read; it goes to quarantine, the run goes on
├── RuleError        a rule file is wrong
├── StorageError     a store refused to read or write
├── StageError       a stage broke its contract (rows lost, wrong columns)
├── ModelError       a model cannot be reached, refuses the key, or its engine died; what was answered is kept
├── LedgerError      rows in do not equal rows live plus rows set aside
└── LakeError        a snapshot, table or export that is asked for is not there

Each message says what, where, and what to do. No message holds log text. Every class survives pickling, so an
error raised on a worker reaches the driver whole.
"""


class RefineryError(Exception):
    """Base of all errors that Refinery raises on purpose; `str(error)` is one sentence for a person."""


class PlanError(RefineryError):
    """The plan cannot be read or does not fit together; nothing has run."""


class InputError(RefineryError):
    """An input is missing, unreadable, or changed since the run froze it."""


class ParseError(InputError):
    """One record cannot be read. `reason` is a snake_case noun that a chart can show."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


class RuleError(RefineryError):
    """A rule file is wrong; the message names the file, the key and the known words."""


class StorageError(RefineryError):
    """A store refused to read or write."""


class StageError(RefineryError):
    """A stage broke its contract: rows lost, or columns other than it declares."""


class ModelError(RefineryError):
    """A model cannot be reached, refuses the key, or its engine died; answers that came are kept."""


class LedgerError(RefineryError):
    """Rows in do not equal rows live plus rows set aside; the run publishes nothing."""


class LakeError(RefineryError):
    """A snapshot, table or export that is asked for is not there."""
