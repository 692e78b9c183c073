"""The rounds of duplicates in meaning: templates, embeddings, centres, cells, comparison, groups."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from refinery.stage import KEY, ROW, Round, array, noted

if TYPE_CHECKING:
    from refinery.dedup.semantic import SemanticDuplicates
    from refinery.text.facts import Words

_TOLD = frozenset({"embedder", "template_contexts"})


class _SemanticRound(Round):
    step: "SemanticDuplicates"
    shaped_by: ClassVar[frozenset[str]]

    def parameters(self) -> dict[str, Any]:
        return {key: value for key, value in self.step.parameters().items() if key in self.shaped_by}

    def _embedded(self, rows: pa.Table, found: Sequence[pa.Table]) -> tuple[pa.Table, pa.Table]:
        """Of the rows those that are embedded, by row, and their embeddings, about the mean where that is asked for."""
        after = int(self.step.template_contexts is not None)
        embedded = found[after].combine_chunks()
        rows = rows.filter(pc.is_in(rows[ROW.name], array(embedded, ROW.name))).sort_by(ROW.name).combine_chunks()
        if len(found) > after + 1 and self.step.centre:
            from refinery.dedup.semantic_centre import centred

            embedded = centred(embedded, array(rows, "language"), found[after + 1])
        return rows, embedded


class Templates(_SemanticRound):
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


class Embed(_SemanticRound):
    """The cell and the embedding of each conversation, by row. The model is asked here and nowhere else."""

    name = "embed"
    weight = 16
    shaped_by = _TOLD

    def reads(self) -> frozenset[str]:
        """What is said, and under which policies."""
        return frozenset({"turns", "policies"})

    def send(self, rows: pa.Table, found: Sequence[pa.Table]) -> pa.Table:
        """Cell and embedding; all of a shard to one reducer."""
        from refinery.dedup import semantic_texts
        from refinery.text.facts import mix

        templates: Words = np.zeros(0, np.uint64)
        if self.step.template_contexts is not None:
            from refinery.dedup.templates import sorted_codes

            templates = sorted_codes(found[0])
        embedded = semantic_texts.embedded(rows, templates, self.step.model())
        shards, of_row = np.unique(embedded[ROW.name].to_numpy() >> 32, return_inverse=True)
        keys = np.array([mix(np.uint64(shard)) for shard in shards], np.uint64)
        return embedded.append_column(KEY, pa.array(keys[of_row]))

    def find(self, records: pa.Table) -> pa.Table:
        """The same, by row."""
        return records.drop_columns([KEY.name]).sort_by(ROW.name)


class Centre(_SemanticRound):
    """The mean of all embeddings in each language: a list for all later rounds."""

    name = "centre"
    by_row = False
    shaped_by = _TOLD

    def reads(self) -> frozenset[str]:
        """The language."""
        return frozenset({"language"})

    def send(self, rows: pa.Table, found: Sequence[pa.Table]) -> pa.Table:
        """A sum a language."""
        from refinery.dedup.semantic_centre import sums

        rows, embedded = self._embedded(rows, found)
        return sums(embedded, array(rows, "language"))

    def find(self, records: pa.Table) -> pa.Table:
        """Sums over all."""
        from refinery.dedup.semantic_centre import added

        return added(records)


class Cells(_SemanticRound):
    """How cells too large to compare all with all are split: centres, a list for the next round."""

    name = "cells"
    by_row = False
    weight = 2
    shaped_by = _TOLD | {"centre"}

    def reads(self) -> frozenset[str]:
        """The language, about whose mean embeddings lie."""
        return frozenset({"language"})

    def send(self, rows: pa.Table, found: Sequence[pa.Table]) -> pa.Table:
        """The cell of each conversation, and the embeddings of some."""
        from refinery.dedup import semantic_cells

        return semantic_cells.sample(self._embedded(rows, found)[1])

    def find(self, records: pa.Table) -> pa.Table:
        """Centres of the cells that are too large."""
        from refinery.dedup import semantic_cells

        return semantic_cells.centres(records)


class Compare(_SemanticRound):
    """How alike each pair in a cell is: links of at least `min_threshold`, and what is needed to choose by them."""

    name = "compare"
    by_row = False
    weight = 24
    shaped_by = _TOLD | {"centre", "min_threshold", "score"}

    def reads(self) -> frozenset[str]:
        """What is stated, and what decides who is kept."""
        score = frozenset({self.step.score}) if self.step.score else frozenset[str]()
        stated = frozenset({"turns", "signals", "outcome", "language"})
        return stated | {"created_at", "conversation_id"} | score

    def send(self, rows: pa.Table, found: Sequence[pa.Table]) -> pa.Table:
        """Each embedded conversation, with its facts, to its cell, or to the nearest parts of a split one."""
        from refinery.dedup import semantic_cells, semantic_facts

        rows, embedded = self._embedded(rows, found)
        rank = self._rank(rows).append_column("facts", semantic_facts.facts(rows))
        at, keys = semantic_cells.places(embedded, found[-1])
        records = rank.append_column("vector", embedded["vector"]).take(pa.array(at))
        return records.append_column(KEY, pa.array(keys))

    def _rank(self, rows: pa.Table) -> pa.Table:
        score = self.step.score
        value = pc.cast(rows[score], pa.float64()) if score else pa.nulls(rows.num_rows, pa.float64())
        return rows.select([ROW.name, "created_at", "conversation_id", "language"]).append_column("score", value)

    def find(self, records: pa.Table) -> pa.Table:
        """Links, and the conversations that they link."""
        from refinery.dedup import semantic_links

        links, crowded = semantic_links.links(records, self.step.min_threshold)
        return noted(links, CROWDED, crowded)


CROWDED = "have more than 1,024 others within min_threshold, of which the nearest were compared"


class Groups(_SemanticRound):
    """Groups over all links, and the one that each keeps."""

    name = "groups"
    shaped_by = frozenset({"threshold", "facts", "translations"})

    def reads(self) -> frozenset[str]:
        """Nothing of the rows."""
        return frozenset()

    def send(self, rows: pa.Table, found: Sequence[pa.Table]) -> pa.Table:
        """Never asked."""
        raise NotImplementedError

    def find(self, records: pa.Table) -> pa.Table:
        """What became of each row."""
        from refinery.dedup import semantic_groups

        return semantic_groups.decided(records, self.step.threshold, self.step.facts, self.step.translations)
