"""Every run that is marked, one step further; and the marks of those that are done with, taken away."""

from __future__ import annotations

from collections.abc import Iterator

from runner.errors import NotFoundError, RunnerError
from runner.machines.advancing import Progress, advance
from runner.machines.live import Live, mark, mark_of, unmark
from runner.machines.site import Site
from runner.machines.standing import ENDED

_UNPLANNED = 3600.0
"""Seconds after which a mark without a run is of a launcher that died before it."""


def care(marks: list[Live], site: Site) -> Iterator[tuple[Live, Progress | RunnerError]]:
    """A run in trouble does not stand in the way of the others: its error is given in its place."""
    for live in marks:
        try:
            yield live, advance(live.run_id, site)
        except NotFoundError as error:
            forget(live, site)
            yield live, error
        except RunnerError as error:
            yield live, error


def forget(live: Live, site: Site) -> None:
    """The mark of a run that there is not, once its launcher cannot be about to make it."""
    if _age(live, site) > _UNPLANNED:
        unmark(live.run_id, site)


def let_go(run_id: str, site: Site) -> None:
    """Take the mark of a run away that is over, and shown wherever it is to be. Raises RunnerErrors.

    Somebody may have it go on just now, and then the mark was theirs, too: so it is looked at once more.
    """
    live = mark_of(run_id, site)
    unmark(run_id, site)
    if live is not None and advance(run_id, site).goes_on:
        mark(live, site)


def is_done(progress: Progress) -> bool:
    """Whether nobody has to look after it any more, once it is shown."""
    return progress.standing in ENDED


def _age(live: Live, site: Site) -> float:
    listed = site.root.names(f"live/{live.run_id}")
    return site.root.now() - listed[0].modified if listed else 0.0
