"""The bounds of one evaluation, counted as it goes, so that a hostile template ends the same way everywhere.

They come before the bounds of the process around it (memory, CPU time), which are the second line.
"""

from __future__ import annotations

from typing import Any

from runner.templating.values import LimitError

STEPS = 200_000
"""Evaluated parts of templates in one file (or one request): some tenths of a second."""
VALUE = 1 << 20
"""Characters in one value, and what one value may cost to look through."""
TOTAL = 32 << 20
"""Characters made by all templates of one file, intermediate ones included."""
RANGE = 100_000
"""Items of one list."""
BITS = 1024
"""Of one integer: far beyond every real one, cheap to multiply and to print."""


class Budget:
    """What may still be spent. Every method raises LimitError where it is too much."""

    __slots__ = ("_room", "_steps")

    def __init__(self, *, steps: int = STEPS) -> None:
        self._steps = steps
        self._room = TOTAL

    def step(self, count: int = 1) -> None:
        self._steps -= count
        if self._steps < 0:
            raise LimitError("the template takes too many steps", "make the loops smaller")

    def room(self, size: int) -> None:
        """Ask for `size` characters or items, before they are made."""
        if size > VALUE:
            raise LimitError(f"the template makes a value of more than {VALUE >> 20} MiB")
        self._room -= size
        if self._room < 0:
            raise LimitError(f"the templates of this file make more than {TOTAL >> 20} MiB of text")

    def items(self, count: int) -> None:
        """Ask for a list of `count` items, before it is made."""
        if count > RANGE:
            raise LimitError(f"the template makes a list of more than {RANGE:,} items")
        self.room(count * 8)

    def look_through(self, value: Any) -> None:
        """Ask to compare, sort or print a value: lists inside lists may be far larger than they look."""
        waiting, cost = [value], 0
        while waiting:
            current = waiting.pop()
            cost += 1 + (len(current) if isinstance(current, str) else 4)
            if isinstance(current, list):
                waiting.extend(current)
            elif isinstance(current, dict):
                waiting.extend(current)
                waiting.extend(current.values())
            if cost > VALUE or len(waiting) > VALUE:
                raise LimitError(f"the template makes a value of more than {VALUE >> 20} MiB")
        self.room(cost)

    def made(self, value: Any) -> Any:
        """`value` itself, after a look at its size."""
        if isinstance(value, str):
            self.room(len(value))
        elif isinstance(value, list | dict):
            self.items(len(value))
        elif isinstance(value, int):
            if value.bit_length() > BITS:
                raise LimitError(f"the template makes an integer of more than {BITS} bits")
        elif isinstance(value, float) and value - value != 0:  # infinite, or not a number
            raise LimitError("the template makes a number that is too large")
        return value
