"""What did not work, when it may be tried again, and when to leave it to whoever comes after us."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable

from runner.errors import ForgeBusyError, ForgeError

TRIES = 5
"""How often one thing is tried; the forge's own session has tried each time for about a minute."""
_PAUSES = (5.0, 15.0, 45.0, 120.0)


class Trouble:
    """Failures by a key of what was tried. `notice` is told a sentence about each thing that is given up."""

    def __init__(self, notice: Callable[[str], None]) -> None:
        self._notice = notice
        self._failures: dict[Hashable, int] = {}
        self._again: dict[Hashable, float] = {}
        self._told: set[str] = set()
        self._busy_until = 0.0
        self.has_lost = False
        """Something that should be on the forge is not, and will not be by this process."""

    def wait(self, keys: Iterable[Hashable]) -> float:
        """When something that has all these keys may be tried (again); infinity: it was given up."""
        return max((self._again.get(key, 0.0) for key in keys), default=0.0)

    @property
    def busy_until(self) -> float:
        """Before this nothing is to be asked of the forge."""
        return self._busy_until

    def busy(self, error: ForgeBusyError) -> None:
        self._busy_until = max(self._busy_until, error.until)
        self._say(error)

    def failed(
        self, key: Hashable, error: ForgeError, now: float, *, for_ever: bool = False, matters: bool = True
    ) -> bool:
        """Once more it did not work; whether it is given up with this.

        `for_ever`: it is tried on and on. `matters`: without it something is missing on the forge.
        """
        count = self._failures[key] = self._failures.get(key, 0) + 1
        if count < TRIES or for_ever:
            self._again[key] = now + _PAUSES[min(count, len(_PAUSES)) - 1]
            return False
        self.has_lost |= matters
        self.give_up(key, error)
        return True

    def give_up(self, key: Hashable, error: ForgeError) -> None:
        self._again[key] = math.inf
        self._say(error)

    def worked(self, key: Hashable) -> None:
        self._failures.pop(key, None)

    def _say(self, error: ForgeError) -> None:
        if error.message not in self._told:
            self._told.add(error.message)
            self._notice(error.message)
