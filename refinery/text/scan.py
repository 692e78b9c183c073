"""Which of many texts a regex matches in, found by one run of its automaton over all of them.

Arrow's own function costs as much for the calls (one a text, and the compilation each time) as for the bytes.
"""

from bisect import bisect_right

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import re2


class Texts:
    r"""An Arrow array of strings as one text, NUL between them.

    A regex that is asked must not match across a NUL, but for one character left or right of what it looks for.
    """

    def __init__(self, values: pa.Array) -> None:
        sizes = pc.fill_null(pc.binary_length(values), 0).to_numpy(zero_copy_only=False).astype(np.int64)
        self._places = np.flatnonzero(sizes)
        self._ends: list[int] = np.cumsum(sizes[self._places] + 1).tolist()
        self._joined = memoryview(b"")
        if self._ends:
            texts = values.take(pa.array(self._places)).cast(pa.string())
            joined = pc.binary_join(pa.ListArray.from_arrays([0, len(texts)], texts), "\0")
            self._joined = memoryview(joined.buffers()[2])[: self._ends[-1] - 1]

    def matching(self, regex: re2._Regexp) -> npt.NDArray[np.int64]:
        """Places of the texts in which the regex matches; from a hit it goes on at the next text."""
        found, position = list[int](), 0
        while position < len(self._joined) and (match := regex.search(self._joined, position)):
            start = match.start()
            found.append(bisect_right(self._ends, start + (self._joined[start] == 0)))
            position = self._ends[found[-1]] - 1
        places: npt.NDArray[np.int64] = self._places[found]
        return places
