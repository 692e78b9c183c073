"""A rate a minute, kept by waiting: no bursts, so that no window of a minute holds more than the limit and one."""

import asyncio
from typing import Final

from refinery.models.prompt import HAN
from refinery.stage import Request

_CHARS_A_TOKEN: Final = 3.5


class Pace:
    """Lets an amount through as soon as those before it have used up their time; None: no limit."""

    def __init__(self, a_minute: int | None) -> None:
        self._seconds_each = 60 / a_minute if a_minute else 0.0
        self._free = self._held = 0.0

    async def take(self, amount: float) -> None:
        """Waits for its turn."""
        clock = asyncio.get_running_loop().time
        start = max(clock(), self._free)
        self._free = start + amount * self._seconds_each
        while (left := max(start, self._held) - clock()) > 0:
            await asyncio.sleep(left)

    def correct(self, amount: float) -> None:
        """What an estimate was short of (or, negative, over)."""
        self._free += amount * self._seconds_each

    def hold(self, seconds: float) -> None:
        """Lets nobody through for so long."""
        self._held = max(self._held, asyncio.get_running_loop().time() + seconds)


def tokens_about(request: Request, max_tokens: int) -> int:
    """Tokens that a request may cost: a Han character each, a few characters of other scripts, and a full answer."""
    text = "".join(message["content"] for message in request.messages)
    han = len(HAN.findall(text))
    return han + int((len(text) - han) / _CHARS_A_TOKEN) + max_tokens
