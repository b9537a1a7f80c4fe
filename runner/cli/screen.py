"""rich's console, for a run that outlives its terminal."""

from __future__ import annotations

from typing import NoReturn

from rich.console import Console


class Screen(Console):
    def on_broken_pipe(self) -> NoReturn:
        """An error like any other; rich would end the whole process, and the run with it."""
        raise BrokenPipeError
