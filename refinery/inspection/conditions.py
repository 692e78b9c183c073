"""What may stand under `detect` in a rule file: named clauses, and the condition that joins their names.

A clause says WHAT it looks for (one kind), BY whom it was said, and WHEN, seen from the agent turn that is inspected.
`rules/README.md` explains each key to rule authors.
"""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from refinery.inspection.reading import Strict

Speaker = Literal["agent", "customer", "tool", "system"]
When = Literal["this", "move", "asked", "previous", "next", "before", "after", "talk", "latest"]
Scope = Literal["turn", "window", "dialogue"]
REACH: dict[When, Scope] = {
    "this": "turn", "move": "window", "asked": "window", "previous": "window", "next": "window",
    "before": "dialogue", "after": "dialogue", "talk": "dialogue", "latest": "dialogue",
}  # fmt: skip
"""How far a clause looks; a rule's `scope` is the widest of its clauses."""
SCOPES: list[Scope] = ["turn", "window", "dialogue"]


class ListName(Strict):
    """`{list: NAME}`: a named list under rules/lists."""

    name: str = Field(alias="list")


class StatePath(Strict):
    """`{state: order.amount}`: a value the systems know at that turn."""

    path: str = Field(alias="state")


class Argument(Strict):
    """`{arg: amount, of: {list: refund_tools}}`: that argument of any call of these tools, by default in the move."""

    path: str = Field(alias="arg")
    of: list[str] | ListName
    when: Literal["this", "move", "before", "talk"] = "move"


Words = str | ListName
Operand = float | int | bool | str | StatePath | Argument
BOUNDS = ("gt", "ge", "lt", "le", "eq", "ne")


class Comparison(Strict):
    """Bounds on one value; all of them must hold, and none holds where a side is missing."""

    gt: Operand | None = None
    ge: Operand | None = None
    lt: Operand | None = None
    le: Operand | None = None
    eq: Operand | None = None
    ne: Operand | None = None

    @property
    def bounds(self) -> dict[str, Operand]:
        """Bound -> operand, those stated."""
        return {name: getattr(self, name) for name in BOUNDS if name in self.model_fields_set}

    @model_validator(mode="after")
    def _compares(self) -> Self:
        if not self.bounds:
            raise ValueError("a comparison is empty; known: gt, ge, lt, le, eq, ne; give at least one")
        return self


class ToolMatch(Strict):
    """A call of one of these tools whose arguments (dotted paths), and whose result, are as stated.

    `again`: an earlier call of these tools has equal values of these arguments (`all`: of every argument).
    `total`: the sum of this argument over this call and the earlier ones of these tools, compared.
    `novel`: the argument's text stands nowhere earlier in the talk nor in the signals.
    `unless_result`: calls whose result matches are left out, as if they had not been made.
    """

    name: list[str] | ListName | Literal["any"]
    args: dict[str, Comparison] = {}
    again: list[str] | Literal["all"] | None = None
    total: dict[str, Comparison] = {}
    novel: list[str] = []
    result: Words | None = None
    unless_result: Words | None = None


class ResultMatch(Strict):
    """What one of these tools returned: a JSON object whose fields (dotted paths) compare."""

    name: list[str] | ListName
    fields: dict[str, Comparison] = Field(min_length=1)


class Number(Comparison):
    """A number in the reply (group 1 of the pattern) compares; `2,000`, `两`, `二十` and `twenty` are numbers too."""

    regex: Words


class Novel(Strict):
    """What group 1 of the pattern holds was said by none of these, and stands not in the signals, up to the turn."""

    regex: Words
    within: list[Literal["agent", "customer", "tool", "system", "signals"]] = Field(
        default=["customer", "tool", "system", "signals"], min_length=1
    )


class Repeats(Strict):
    """The reply repeats an earlier one of the agent: R_rep of mission.md 2.4.1, where it is as stated here too.

    `of`: any earlier reply, or the last one before it. `share`: the common substring is longer than this share of the
    reply (the report's 0.5). `same_numbers`: replies that differ in a number say something else.
    """

    min_length: int = Field(default=1, ge=1)
    of: Literal["all", "last"] = "all"
    share: float = Field(default=0.5, ge=0.5, lt=1)
    same_numbers: bool = False


KINDS = ("keywords", "regex", "number", "novel", "repeats", "tool", "result", "policy", "state")


class Clause(Strict):
    """One name of `let`: exactly one kind of thing to look for, by whom, and when."""

    keywords: list[str] | ListName | None = None
    regex: Words | None = None
    number: Number | None = None
    novel: Novel | None = None
    repeats: Repeats | None = None
    tool: ToolMatch | None = None
    result: ResultMatch | None = None
    policy: list[str] | None = None
    state: str | None = None
    by: Speaker = "agent"
    when: When = "this"

    @property
    def kind(self) -> str:
        """The one kind it is of."""
        return next(name for name in KINDS if name in self.model_fields_set)

    @property
    def reach(self) -> Scope:
        """How far it looks. State is known at the turn; what is novel or repeated was compared with all before."""
        if self.kind in ("novel", "repeats", "result") or (
            self.tool and (self.tool.again is not None or self.tool.total or self.tool.novel)
        ):
            return "dialogue"
        operands = self.number.bounds.values() if self.number else ()
        whens = [self.when, *(operand.when for operand in operands if isinstance(operand, Argument))]
        return max((REACH[when] for when in whens), key=SCOPES.index)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        kinds = self.model_fields_set & set(KINDS)
        if len(kinds) != 1:
            raise ValueError(f"one kind a name; known: {', '.join(KINDS)}; give exactly one")
        if self.by != "agent" and (self.kind not in ("keywords", "regex") or self.when in ("this", "latest")):
            raise ValueError("`by` goes with keywords and regex, and with `when`: asked, before, after, move or talk")
        if self.kind == "result" and self.when not in ("latest", "before", "move", "after", "talk"):
            raise ValueError("a result needs `when`: latest, before, move, after or talk")
        if self.kind in ("number", "novel", "repeats", "state") and self.when != "this":
            raise ValueError(f"`when` does not go with {self.kind}, which asks the turn itself; remove it")
        if self.when == "latest" and self.kind != "result":
            raise ValueError("`when: latest` goes with result only; use before")
        return self


class Detect(Strict):
    """Named clauses, and the CEL condition over their names."""

    let: dict[str, Clause] = Field(min_length=1, max_length=10)
    condition: str

    @property
    def scope(self) -> Scope:
        """The widest reach of its clauses."""
        return max((clause.reach for clause in self.let.values()), key=SCOPES.index)

    @field_validator("let")
    @classmethod
    def _names(cls, let: dict[str, Clause]) -> dict[str, Clause]:
        for name in let:
            if not name.isidentifier():
                raise ValueError(f"`{name}` is no name that a condition can use; use letters, digits and _")
        return let
