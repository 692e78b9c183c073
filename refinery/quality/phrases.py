"""Which units of a text belong to known phrases: greetings, boilerplate, the words of a topic.

    phrases "thank you", "bye" over "Thank you, the parcel came. Bye!" -> x x . . . x

A phrase is found wherever its units stand one after the other inside a text, whatever stands between them; two
phrases may overlap. All phrases are looked up together, one length after the other, by the hashes of their beginnings.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from refinery.errors import PlanError
from refinery.quality.units import Hashes, Ints, Mask, Units, cut, mix

SHIPPED: Final = Path(__file__).with_name("phrases.yaml")
Bits = npt.NDArray[np.uint8]
_TOP: Final = np.uint64(48)
_STEP: Final = np.uint64(0xD6E8FEB86659FD93)


class Lists(BaseModel):
    """The file of phrases, by language; `common_english`: words that tell English from what shares its letters."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    version: int
    greetings: dict[Literal["zh", "en"], tuple[str, ...]]
    boilerplate: dict[Literal["zh", "en"], tuple[str, ...]]
    common_english: tuple[str, ...]


def load(path: Path) -> Lists:
    """The lists in a file; raises PlanError naming the file and the key that is wrong."""
    try:
        raw: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Lists.model_validate(raw)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PlanError(f"cannot read the phrases in {path.name}: {type(error).__name__}") from None
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise PlanError(f"phrases in {path.name}: {faults}. Known keys: {', '.join(Lists.model_fields)}") from None


class _Length:
    """Beginnings of phrases of one length, to be looked up by hash.

    `whole[i]`: bits of the lists that beginning i is a whole phrase of; `grows[i]`: whether a phrase goes on from it.
    """

    def __init__(self, states: Hashes, whole: Bits, grows: Mask) -> None:
        self.hashes, at = np.unique(states, return_inverse=True)
        self.whole, self.grows = np.zeros(len(self.hashes), np.uint8), np.zeros(len(self.hashes), bool)
        np.bitwise_or.at(self.whole, at, whole)
        np.bitwise_or.at(self.grows, at, grows)
        # Sorted hashes with equal upper bits stand together: a table says where they begin, a few steps find the one.
        places, begins, num = np.unique(self.hashes >> _TOP, return_index=True, return_counts=True)
        self._begins = np.full(2**16, -1, np.int32)
        self._begins[places] = begins
        self._steps = int(num.max()) - 1

    def find(self, states: Hashes) -> tuple[Ints, Ints]:
        """Which of the states are beginnings, and which beginnings they are."""
        at = self._begins.take(states >> _TOP)
        met = np.flatnonzero(at >= 0)
        at, states = at[met], states[met]
        for _ in range(self._steps):
            at = np.minimum(at + (self.hashes[at] < states), len(self.hashes) - 1)
        same = self.hashes[at] == states
        return met[same], at[same]


class Phrases:
    """Named lists of phrases, eight at most, to be found in units; what has no letter or digit is passed over."""

    def __init__(self, lists: Mapping[str, Iterable[str]]) -> None:
        self._names = tuple(lists)
        listed = sorted({(phrase, bit) for bit, phrases in enumerate(lists.values()) for phrase in phrases})
        units = cut(pa.array([phrase for phrase, _ in listed], pa.string()))
        bits = np.array([1 << bit for _, bit in listed], np.uint8)
        num = units.per_text()
        first = np.cumsum(num) - num
        walkers = np.flatnonzero(num)
        states = units.hashes[first[walkers]]
        self._lengths: list[_Length] = []
        while len(walkers):
            length = len(self._lengths) + 1
            more = num[walkers] > length
            self._lengths.append(_Length(states, np.where(more, np.uint8(0), bits[walkers]), more))
            walkers = walkers[more]
            states = _longer(states[more], units.hashes[first[walkers] + length])

    def cover(self, units: Units) -> dict[str, Mask]:
        """By list: the units that belong to one of its phrases."""
        depth = np.zeros((len(self._names), len(units.hashes) + 1), np.int32)
        starts, states = np.arange(len(units.hashes)), units.hashes
        for length, known in enumerate(self._lengths, 1):
            met, at = known.find(states)
            starts, states, whole = starts[met], states[met], known.whole[at]
            for bit, of_list in enumerate(depth):
                found = starts[whole & np.uint8(1 << bit) > 0]
                of_list[found] += 1
                of_list[found + length] -= 1
            grows = known.grows[at]
            starts, states = _step(units, starts[grows], states[grows], length)
            if not len(starts):
                break
        return dict(zip(self._names, np.cumsum(depth, axis=1)[:, :-1] > 0, strict=True))


def _step(units: Units, starts: Ints, states: Hashes, length: int) -> tuple[Ints, Hashes]:
    """Beginnings one unit longer, of those that do not reach the end of their text."""
    room = starts + length < len(units.hashes)
    starts, states = starts[room], states[room]
    same = units.texts[starts + length] == units.texts[starts]
    starts, states = starts[same], states[same]
    return starts, _longer(states, units.hashes[starts + length])


def _longer(states: Hashes, units: Hashes) -> Hashes:
    return mix(states * _STEP + units)
