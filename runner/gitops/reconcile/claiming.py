"""Two passes at once start a run once: each says with a status that it is about to, waits, and looks again.

A forge has no locks. But of two statuses of one context only the newest counts, for everybody: whoever finds
another's there gives way.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from runner.gitops.run.performing import Stage
from runner.ports import Status
from runner.publish.refusal import CLAIM
from runner.report.statuses import PENDING

SETTLING = 5.0
"""Seconds: longer than it takes from having looked to having written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """`context` on `commit` is what nobody has written yet, but for `over`: the status that was there."""

    commit: str
    context: str
    over: Status | None = None


def claimed(wanted: Sequence[Claim], stage: Stage) -> list[bool]:
    """Which of them are ours, in their order. Raises ForgeError."""
    mine = [_claim(claim, stage) for claim in wanted]
    if any(mine):
        stage.sleep(SETTLING)
    return [bool(word) and _holds(claim, word, stage) for claim, word in zip(wanted, mine, strict=True)]


def _claim(claim: Claim, stage: Stage) -> str:
    """The description by which it is known; "" where somebody was faster."""
    there = _newest(claim, stage)
    if there is not None and there != claim.over:
        return ""
    word = f"{CLAIM} · {secrets.token_hex(4)}"
    status = Status(context=claim.context, state=PENDING, description=word, target=stage.context.run_url)
    stage.forge.set_status(claim.commit, status)
    return word


def _holds(claim: Claim, word: str, stage: Stage) -> bool:
    there = _newest(claim, stage)
    return there is not None and there.description == word


def _newest(claim: Claim, stage: Stage) -> Status | None:
    mine = stage.forge.login().casefold()
    return next(
        (
            status
            for status in stage.forge.statuses(claim.commit)
            if status.context == claim.context and status.author.casefold() == mine
        ),
        None,
    )
