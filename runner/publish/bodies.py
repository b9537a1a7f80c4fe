"""The comments of a run, as it stands at one moment: written only when one of them is to go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from runner.model import Plan
from runner.publish.standing import OVER, Life, as_it_stands
from runner.publish.wanted import Say
from runner.report.comment_final import final_comment
from runner.report.comment_live import live_comment
from runner.report.evidence import Evidence
from runner.report.links import Links
from runner.state import RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Bodies:
    """`evidence` is read for the final comment alone. `expected`, `before`: seconds of an earlier run."""

    plan: Plan
    state: RunState
    evidence: Callable[[], Evidence]
    now: float
    life: Life
    links: Links
    expected: float | None = None
    before: Mapping[str, float] | None = None

    def of(self, say: Say) -> str:
        shown = as_it_stands(self.state, self.life)
        # What is over is told the same whenever it is told.
        now = shown.last_at if shown.phase in OVER else self.now
        if say.kind == "final":
            return final_comment(
                self.plan, shown, self.evidence(), now=now, links=self.links, expected=self.expected
            )
        return live_comment(
            self.plan,
            shown,
            now=now,
            before=self.before,
            links=self.links,
            died=self.life.died and self.state.phase not in OVER,
            waiting=self.life.waiting,
        )
