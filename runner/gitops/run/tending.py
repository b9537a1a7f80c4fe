"""Runs on machines of the cloud, while they are followed: their machines are looked after, too."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from runner.errors import RunnerError, StoreBusyError
from runner.machines.advancing import Progress, advance
from runner.machines.caring import let_go
from runner.machines.facts import Logs
from runner.machines.site import Site
from runner.stores.s3 import Claims

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.gitops.run.performing import Start

Begin = Callable[[Site], Progress]
"""Sees to it that a run has a machine, or gets one. Raises RunnerError subclasses."""
_AT_ONCE = 8
_PAUSES = (5.0, 15.0, 30.0)
"""Seconds before each further try to begin: a try by itself takes half a minute."""


@dataclass(slots=True)
class Tended:
    """One run. `alive` and `waiting` are for `publish.watched.Watched`; `trouble`: why it did not begin,
    which `may_pass`.
    """

    run_id: str
    site: Site
    notice: Callable[[str], None] = field(repr=False)
    progress: Progress | None = None
    trouble: str = ""
    may_pass: bool = False
    _logs: Logs = field(default_factory=dict, init=False, repr=False)

    def begin(self, begin: Begin) -> None:
        """A bucket that is busy is asked again: what comes first is not there for others to go on with."""
        for pause in (*_PAUSES, None):
            try:
                self._take(begin(self.site))
            except RunnerError as error:
                if pause is None or not isinstance(error, StoreBusyError):
                    self.trouble = f"{error.message}; {error.hint}" if error.hint else error.message
                    self.may_pass = isinstance(error, StoreBusyError)
                    return
                self.notice(f"{self.run_id}: {error.message}; it is tried again")
                self.site.sleep(pause)
            else:
                return

    @property
    def claims(self) -> Claims:
        """Of this process, on what is posted of the run."""
        return Claims(self.site.run(self.run_id))

    def alive(self) -> bool:
        """Looks, and does what is next for it: another machine where its own is gone."""
        self._take(advance(self.run_id, self.site, self._logs))
        return self.progress is not None and self.progress.goes_on

    def waiting(self) -> str:
        return self.progress.words if self.progress is not None and self.progress.goes_on else ""

    def settled(self, *, published: bool) -> None:
        """Once it is over and shown, nobody has to look after it. What fails here, the next pass does."""
        try:
            if published and not self.alive():
                let_go(self.run_id, self.site)
        except RunnerError as error:
            self.notice(f"{self.run_id}: {error.message}")

    def _take(self, progress: Progress) -> None:
        self.progress = progress
        if progress.said:
            self.notice(f"{self.run_id}: {progress.said}")


def begun(starts: Sequence[Start], site: Site, notice: Callable[[str], None]) -> dict[str, Tended]:
    """All of these at once, each with the machine that it was given, or why it has none."""
    place = replace(site, notice=notice)
    tended = {start.run_id: Tended(run_id=start.run_id, site=place, notice=notice) for start in starts}

    def begin(start: Start) -> None:
        if start.begin is not None:
            tended[start.run_id].begin(start.begin)

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="begins") as pool:
        list(pool.map(begin, starts))
    return tended
