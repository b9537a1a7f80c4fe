"""What is done once in a process, whichever of its threads comes first."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
Result = TypeVar("Result")


def once(work: Callable[P, Result]) -> Callable[P, Result]:
    """One result for the same arguments; who comes meanwhile waits for it. An error is no result."""
    known, lock = functools.cache(work), threading.Lock()

    def ask(*args: P.args, **kwargs: P.kwargs) -> Result:
        with lock:
            return known(*args, **kwargs)  # type: ignore[arg-type]

    return ask
