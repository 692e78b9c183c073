"""The rounds of near duplicates: templates, bands, comparison, groups. Kernels are imported where they are needed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refinery.stage import Earlier, Met, Round, array, note_of, noted

if TYPE_CHECKING:
    from refinery.dedup.forms import Documents, Offsets, Scratch, Turns
    from refinery.dedup.near import Near
    from refinery.text.facts import Words

_BELOW: Final = 0.2
"""An estimate by sketches has a standard error of 0.06 at 0.75: a pair this far below is not worth comparing."""
_SHAPING: Final = frozenset({"template_contexts", "min_threshold", "bands", "band_rows", "nightly"})


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
    shaped_by = _SHAPING

    def __init__(self, step: "Near") -> None:
        super().__init__(step)
        self.weight = 60 if step.nightly else 20

    def reads(self) -> frozenset[str]:
        """What is said, and what is known beside it; of a run that remembers, what decides who is kept too."""
        return self.step.compares() | (_ranks(self.step) if self.step.nightly else frozenset())

    def send(self, rows: pa.Table, found: Sequence[pa.Table]) -> pa.Table:
        """A record a band, and one for the whole."""
        from refinery.dedup import bands, forms

        documents, turns, scratch, (offsets, facts) = _read(self.step, rows)
        templates = _templates(self.step, found)
        read = (documents, turns, forms.tables(), templates, scratch, offsets, facts)
        signed = bands.Banded(*bands.banded(*read, self.step.bands, self.step.band_rows))
        records = bands.records(documents, signed)
        if not self.step.nightly:
            return records
        from refinery.dedup import compared, index

        rank = _rank(self.step, rows).append_column(DOCUMENT_NAME, pa.array(documents.number))
        sets = compared.with_sets(rank, compared.Sets(*compared.sets(*read)))
        return index.with_sets(records, sets)

    def find(self, records: pa.Table) -> pa.Table:
        """Pairs of each bucket that are near by their sketches, in units."""
        from refinery.dedup import bands, buckets, units

        records = records.select(bands.RECORD.names)
        left, right, hot = buckets.pairs(buckets.bucketed(records), self.step.min_threshold - _BELOW)
        new = right >= 0  # the higher number: documents of earlier runs alone are no work
        return noted(units.work(left[new], right[new], self.step.row_of), HOT, hot)

    def meet(self, records: pa.Table, earlier: Earlier) -> Met:
        """The same with what earlier runs know of these keys; and what this run adds to that."""
        from refinery.dedup import bands, index

        known = index.known_bands(records, earlier)
        found = self.find(pa.concat_tables([records.select(bands.RECORD.names), known]).combine_chunks())
        notes = (*filter(None, [note_of(found)]), (PAIRS, index.num_pairs(found)))
        return Met(found, index.new_rows(records, known), notes)


PAIRS: Final = "pairs with documents of earlier runs were worth comparing"
DOCUMENT_NAME: Final = "_document"
HOT: Final = "rows stood in hot buckets, which were split by further samples"


class Compare(_NearRound):
    """The exact Jaccard of each pair: the links of at least `min_threshold`, and what is needed to choose by them."""

    name = "compare"
    by_row = False
    weight = 60
    shaped_by = _SHAPING | {"score"}

    def reads(self) -> frozenset[str]:
        """What is said and known, and what decides who is kept."""
        return self.step.compares() | _ranks(self.step)

    def send(self, rows: pa.Table, found: Sequence[pa.Table]) -> pa.Table:
        """Each document's shingles and facts, to each unit it is in."""
        from refinery.dedup import compared, documents, forms

        every, turns, scratch, (offsets, facts) = _read(self.step, rows)
        some = documents.those(every, np.unique(found[-1][documents.DOCUMENT.name].to_numpy()))
        offsets = offsets[: len(some.number) + 1]  # of conversations all; of replies a part, and none has facts beside
        sets = compared.sets(some, turns, forms.tables(), _templates(self.step, found), scratch, offsets, facts)
        rank = (
            _rank(self.step, rows).take(pa.array(some.owner)).append_column(documents.DOCUMENT, pa.array(some.number))
        )
        return compared.records(rank, compared.Sets(*sets), found[-1])

    def find(self, records: pa.Table) -> pa.Table:
        """Links, and the documents that they link."""
        from refinery.dedup import compared

        return compared.links(records, self.step.min_threshold)

    def meet(self, records: pa.Table, earlier: Earlier) -> Met:
        """The same, with the documents of earlier runs that these are compared with."""
        from refinery.dedup import index

        return Met(self.find(index.with_documents(records, earlier)))


class Groups(_NearRound):
    """Groups over all links, and the one that each keeps."""

    name = "groups"
    shaped_by = frozenset({"threshold", "facts", "nightly"})

    def reads(self) -> frozenset[str]:
        """Nothing of the rows."""
        return frozenset()

    def send(self, rows: pa.Table, found: Sequence[pa.Table]) -> pa.Table:
        """Never asked."""
        raise NotImplementedError

    def find(self, records: pa.Table) -> pa.Table:
        """What became of each row."""
        from refinery.dedup.keeping import choose

        return self.step.decided(choose(records, self.step.threshold, self.step.facts).chosen)

    def meet(self, records: pa.Table, earlier: Earlier) -> Met:
        """The same, with groups as earlier runs left them; and how this run leaves them."""
        from refinery.dedup import index
        from refinery.dedup.compared import OTHER
        from refinery.dedup.keeping import choose, states

        records, roots = index.rooted(records, OTHER.name, earlier)
        choice = choose(records.combine_chunks(), self.step.threshold, self.step.facts, roots)
        return Met(self.step.decided(choice.chosen), {"states": states(choice)})


def _ranks(step: "Near") -> frozenset[str]:
    score = frozenset({step.score}) if step.score else frozenset[str]()
    return score | {"created_at", "conversation_id"}


def _rank(step: "Near", rows: pa.Table) -> pa.Table:
    """What decides who is kept."""
    value = pc.cast(rows[step.score], pa.float64()) if step.score else pa.nulls(rows.num_rows, pa.float64())
    return rows.select(["created_at", "conversation_id"]).append_column("score", value)


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
