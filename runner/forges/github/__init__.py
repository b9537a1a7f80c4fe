"""GitHub, as one object with all the ports of a forge.

settings → session (every try, in words) → api (paths and pages) → publishing, looking, administration
             ↳ pace (waits) → budget (pure) + ledger
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from runner.forges.github.administration import Administering
from runner.forges.github.api import Api
from runner.forges.github.budget import Limits
from runner.forges.github.ledger import Ledger, OwnLedger, SharedLedger
from runner.forges.github.looking import Looking
from runner.forges.github.pace import PATIENCE, Pace
from runner.forges.github.publishing import Publishing
from runner.forges.github.session import Session
from runner.forges.github.settings import Settings, from_environment
from runner.ports import Clock

__all__ = ["PATIENCE", "GitHub", "Limits", "OwnLedger", "Settings", "SharedLedger", "open_github"]


class GitHub(Publishing, Looking, Administering):
    """The ports Forge, Conversation, Lookup, Workflows and Administration of one repository."""

    def __init__(self, api: Api, pace: Pace) -> None:
        Publishing.__init__(self, api)
        Looking.__init__(self, api)
        Administering.__init__(self, api)
        self._pace = pace

    def next_write(self) -> float:
        """When the budget lets a write through, seconds since the epoch: what is less urgent can wait."""
        return self._pace.next_write()

    def share(self, among: int) -> None:
        """One budget for a repository: so many machines write to it now, this one included."""
        self._pace.share(among)

    def close(self) -> None:
        self._api.close()

    def __repr__(self) -> str:
        return f"GitHub({self._api.repository})"


def open_github(
    where: Settings | Mapping[str, str],
    *,
    clock: Clock,
    sleep: Callable[[float], None] = time.sleep,
    ledger: Path | None = None,
    patience: float = PATIENCE,
    notice: Callable[[str], object] = lambda _: None,
) -> GitHub:
    """`where`: settings, or the environment that has them (UsageError where it does not).

    `ledger`: a file that all processes of this machine that write to this repository name, so that they share
    one budget. `patience`: seconds that one request may wait for its turn before ForgeBusyError.
    `notice` is told of each try that got no reply.
    """
    settings = where if isinstance(where, Settings) else from_environment(where)
    account: Ledger = SharedLedger(ledger) if ledger is not None else OwnLedger()
    pace = Pace(clock=clock, sleep=sleep, limits=settings.limits, ledger=account, patience=patience)
    return GitHub(Api(Session(settings, pace, notice), settings.repository), pace)
