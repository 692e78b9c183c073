"""The rounds of duplicates in meaning: templates, embeddings, cells, comparison, groups."""

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


class Cells(_SemanticRound):
    """How cells too large to compare all with all are split: centres, a list for the next round."""

    name = "cells"
    by_row = False
    weight = 2
    shaped_by = _TOLD

    def reads(self) -> frozenset[str]:
        """Nothing beyond the embedding; a round reads some column."""
        return frozenset({"conversation_id"})

    def send(self, rows: pa.Table, found: Sequence[pa.Table]) -> pa.Table:
        """The cell of each conversation, and the embeddings of some."""
        from refinery.dedup import semantic_cells

        return semantic_cells.sample(found[-1])

    def find(self, records: pa.Table) -> pa.Table:
        """Centres of the cells that are too large."""
        from refinery.dedup import semantic_cells

        return semantic_cells.centres(records)


class Compare(_SemanticRound):
    """The cosine of each pair in a cell: links of at least `min_threshold`, and what is needed to choose by them."""

    name = "compare"
    by_row = False
    weight = 24
    shaped_by = _TOLD | {"min_threshold", "score"}

    def reads(self) -> frozenset[str]:
        """What is stated, and what decides who is kept."""
        score = frozenset({self.step.score}) if self.step.score else frozenset[str]()
        stated = frozenset({"turns", "signals", "outcome", "language"})
        return stated | {"created_at", "conversation_id"} | score

    def send(self, rows: pa.Table, found: Sequence[pa.Table]) -> pa.Table:
        """Each embedded conversation, with its facts, to its cell, or to the nearest parts of a split one."""
        from refinery.dedup import semantic_cells, semantic_facts

        embedded, centres = found[-2:]
        order = pc.sort_indices(rows[ROW.name])
        rows = rows.take(order)
        there = pc.is_in(rows[ROW.name], embedded[ROW.name].combine_chunks())
        rows, embedded = rows.filter(there).combine_chunks(), embedded.combine_chunks()
        rank = self._rank(rows).append_column("facts", semantic_facts.facts(rows))
        at, keys = semantic_cells.places(embedded, centres)
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
