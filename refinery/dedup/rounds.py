"""The rounds of `dedup.near`: templates, bands, comparison, groups. Kernels are imported where they are needed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refinery.stage import ROW, Round, array

if TYPE_CHECKING:
    from refinery.dedup.near import NearDuplicates

_TEXT: Final = frozenset({"turns", "signals", "outcome"})
_BELOW: Final = 0.2
"""An estimate by sketches has a standard error of 0.06 at 0.75: a pair this far below is not worth comparing."""


class _NearRound(Round):
    step: "NearDuplicates"
    shaped_by: ClassVar[frozenset[str]]

    def parameters(self) -> dict[str, Any]:
        return {key: value for key, value in self.step.parameters().items() if key in self.shaped_by}

    def templates(self, found: Sequence[pa.Table]) -> Any:  # noqa: ANN401 (the sorted hashes)
        """The list that the first round found, where there is one."""
        from refinery.dedup.templates import sorted_codes

        return np.zeros(0, np.uint64) if self.step.template_contexts is None else sorted_codes(found[0])


class Templates(_NearRound):
    """Which turns of agents are templates: a list for all later rounds."""

    name = "templates"
    by_row = False
    weight = 5
    shaped_by = frozenset({"template_contexts"})

    def reads(self) -> frozenset[str]:
        """The turns."""
        return frozenset({"turns"})

    def send(self, rows: pa.Table, found: Sequence[pa.Table]) -> pa.Table:
        """Each agent turn with what it answers."""
        from refinery.dedup.templates import answers

        return answers(array(rows, "turns"))

    def find(self, records: pa.Table) -> pa.Table:
        """Turns that answer many customer turns."""
        from refinery.dedup.templates import frequent

        return frequent(records, self.step.template_contexts or 0)


class Bands(_NearRound):
    """Which conversations share a band and are worth comparing: units of work by row."""

    name = "bands"
    weight = 20
    shaped_by = frozenset({"template_contexts", "min_threshold", "bands", "band_rows"})

    def reads(self) -> frozenset[str]:
        """What is said, and what is known beside it."""
        return _TEXT

    def send(self, rows: pa.Table, found: Sequence[pa.Table]) -> pa.Table:
        """A record a band, and one for the whole."""
        from refinery.dedup import bands, forms

        turns, scratch, (offsets, facts) = _read(rows)
        signed = bands.banded(
            turns, forms.tables(), self.templates(found), scratch, offsets, facts, self.step.bands, self.step.band_rows
        )
        return bands.records(rows, bands.Banded(*signed))

    def find(self, records: pa.Table) -> pa.Table:
        """Pairs of each bucket that are near by their sketches, in units."""
        from refinery.dedup import buckets, units

        left, right, _ = buckets.pairs(buckets.bucketed(records), self.step.min_threshold - _BELOW)
        return units.work(left, right)


class Compare(_NearRound):
    """The exact Jaccard of each pair: the links of at least `min_threshold`, and what is needed to choose by them."""

    name = "compare"
    by_row = False
    weight = 60
    shaped_by = frozenset({"template_contexts", "min_threshold", "bands", "band_rows", "score"})

    def reads(self) -> frozenset[str]:
        """What is said and known, and what decides who is kept."""
        return _TEXT | {"created_at", "conversation_id"} | ({self.step.score} if self.step.score else frozenset())

    def send(self, rows: pa.Table, found: Sequence[pa.Table]) -> pa.Table:
        """Each conversation's shingles and facts, to each unit it is in."""
        from refinery.dedup import compared, forms

        turns, scratch, (offsets, facts) = _read(rows)
        sets = compared.Sets(*compared.sets(turns, forms.tables(), self.templates(found), scratch, offsets, facts))
        return compared.records(self._rank(rows), sets, found[-1])

    def _rank(self, rows: pa.Table) -> pa.Table:
        """The row's number, and what decides who is kept."""
        score = (
            pc.cast(rows[self.step.score], pa.float64()) if self.step.score else pa.nulls(rows.num_rows, pa.float64())
        )
        return rows.select([ROW.name, "created_at", "conversation_id"]).append_column("score", score)

    def find(self, records: pa.Table) -> pa.Table:
        """Links, and the conversations that they link."""
        from refinery.dedup import compared

        return compared.links(records, self.step.min_threshold)


class Groups(_NearRound):
    """Groups over all links, and the one that each keeps."""

    name = "groups"
    shaped_by = frozenset({"threshold", "facts"})

    def reads(self) -> frozenset[str]:
        """Nothing of the rows."""
        return frozenset()

    def send(self, rows: pa.Table, found: Sequence[pa.Table]) -> pa.Table:
        """Never asked."""
        raise NotImplementedError

    def find(self, records: pa.Table) -> pa.Table:
        """Group, kept one, similarity to it, fate; and who was kept apart for what is stated."""
        from refinery.dedup.keeping import decided

        return decided(records, self.step.threshold, self.step.facts)


def _read(rows: pa.Table) -> Any:  # noqa: ANN401 (Turns, Scratch, offsets and facts of the fields)
    from refinery.dedup.fields import field_facts
    from refinery.dedup.forms import scratch, turns

    found, fields = turns(array(rows, "turns")), field_facts(rows)
    return found, scratch(found, int(np.diff(fields[0]).max(initial=0))), fields
