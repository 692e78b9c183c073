"""The rounds of near duplicates: templates, bands, comparison, groups. Kernels are imported where they are needed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refinery.stage import Round, array, noted

if TYPE_CHECKING:
    from refinery.dedup.forms import Documents, Offsets, Scratch, Turns
    from refinery.dedup.near import Near
    from refinery.text.facts import Words

_BELOW: Final = 0.2
"""An estimate by sketches has a standard error of 0.06 at 0.75: a pair this far below is not worth comparing."""
_SHAPING: Final = frozenset({"template_contexts", "min_threshold", "bands", "band_rows"})


class _NearRound(Round):
    step: "Near"
    shaped_by: ClassVar[frozenset[str]]

    def parameters(self) -> dict[str, Any]:
        return {key: value for key, value in self.step.parameters().items() if key in self.shaped_by}


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
    """Which documents share a band and are worth comparing: units of work by row."""

    name = "bands"
    weight = 20
    shaped_by = _SHAPING

    def reads(self) -> frozenset[str]:
        """What is said, and what is known beside it."""
        return self.step.compares()

    def send(self, rows: pa.Table, found: Sequence[pa.Table]) -> pa.Table:
        """A record a band, and one for the whole."""
        from refinery.dedup import bands, forms

        documents, turns, scratch, (offsets, facts) = _read(self.step, rows)
        signed = bands.banded(
            documents,
            turns,
            forms.tables(),
            _templates(self.step, found),
            scratch,
            offsets,
            facts,
            self.step.bands,
            self.step.band_rows,
        )
        return bands.records(documents, bands.Banded(*signed))

    def find(self, records: pa.Table) -> pa.Table:
        """Pairs of each bucket that are near by their sketches, in units."""
        from refinery.dedup import buckets, units

        left, right, hot = buckets.pairs(buckets.bucketed(records), self.step.min_threshold - _BELOW)
        return noted(units.work(left, right, self.step.row_of), HOT, hot)


HOT: Final = "stood in hot buckets, which were split by further samples"


class Compare(_NearRound):
    """The exact Jaccard of each pair: the links of at least `min_threshold`, and what is needed to choose by them."""

    name = "compare"
    by_row = False
    weight = 60
    shaped_by = _SHAPING | {"score"}

    def reads(self) -> frozenset[str]:
        """What is said and known, and what decides who is kept."""
        score = frozenset({self.step.score}) if self.step.score else frozenset[str]()
        return self.step.compares() | {"created_at", "conversation_id"} | score

    def send(self, rows: pa.Table, found: Sequence[pa.Table]) -> pa.Table:
        """Each document's shingles and facts, to each unit it is in."""
        from refinery.dedup import compared, documents, forms

        every, turns, scratch, (offsets, facts) = _read(self.step, rows)
        some = documents.those(every, np.unique(found[-1][documents.DOCUMENT.name].to_numpy()))
        offsets = offsets[: len(some.number) + 1]  # of conversations all; of replies a part, and none has facts beside
        sets = compared.sets(some, turns, forms.tables(), _templates(self.step, found), scratch, offsets, facts)
        rank = self._rank(rows).take(pa.array(some.owner)).append_column(documents.DOCUMENT, pa.array(some.number))
        return compared.records(rank, compared.Sets(*sets), found[-1])

    def _rank(self, rows: pa.Table) -> pa.Table:
        """What decides who is kept."""
        score = self.step.score
        value = pc.cast(rows[score], pa.float64()) if score else pa.nulls(rows.num_rows, pa.float64())
        return rows.select(["created_at", "conversation_id"]).append_column("score", value)

    def find(self, records: pa.Table) -> pa.Table:
        """Links, and the documents that they link."""
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
        """What became of each row."""
        from refinery.dedup.keeping import choose

        return self.step.decided(choose(records, self.step.threshold, self.step.facts))


def _read(step: "Near", rows: pa.Table) -> "tuple[Documents, Turns, Scratch, tuple[Offsets, Words]]":
    """The documents, the buffers of their turns, room to work in, and the facts known beside each document."""
    from refinery.dedup import forms

    turns = forms.turns(array(rows, "turns"))
    beside = step.beside(rows)
    scratch = forms.scratch(turns, 0 if beside is None else int(np.diff(beside[0]).max(initial=0)))
    documents = step.documents(rows, turns, scratch)
    if beside is None:
        beside = np.zeros(len(documents.number) + 1, np.int32), np.zeros(0, np.uint64)
    return documents, turns, scratch, beside


def _templates(step: "Near", found: Sequence[pa.Table]) -> "Words":
    """The frozen list, or the one that the first round found, or none."""
    from refinery.dedup.templates import frozen, sorted_codes

    if step.templates is not None:
        return frozen(step.templates)
    return np.zeros(0, np.uint64) if step.template_contexts is None else sorted_codes(found[0])
