"""The machine that a run waits for, in words."""

from __future__ import annotations

from dataclasses import dataclass

from runner.report.markdown_top import clock
from runner.units import format_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaited:
    """`generation` 0: none was ordered. `asked_at` 0: none was asked for. `instance_id` "": none has it yet.

    Times in seconds since the epoch, by the bucket's clock, in which it is `now`. `ends_by`: when it ends
    by itself, whatever happens; 0 where none was asked for. `is_late`: it should have said something by now.
    Texts are clean.
    """

    generation: int
    now: float
    type: str = ""
    spot: bool = False
    instance_id: str = ""
    asked_at: float = 0.0
    ends_by: float = 0.0
    is_late: bool = False

    @property
    def step(self) -> tuple[int, bool, str, str, bool]:
        """How far it is; another one is worth a word."""
        return self.generation, bool(self.asked_at), self.type, self.instance_id, self.is_late

    @property
    def words(self) -> str:
        if not self.generation:
            return "none is ordered yet: the run waits for its turn, or its launch was cut off"
        if not self.asked_at:
            return "none was asked for yet; `runner reconcile` goes on with it"
        kind = f"{self.type} (spot)" if self.spot else self.type
        name = f"{self.instance_id} ({kind})" if self.instance_id else kind
        ago = format_duration(max(0.0, float(round(self.now - self.asked_at))))
        late = ", and has said nothing; `runner reconcile` replaces it" if self.is_late else " and boots"
        return f"{name}, was asked for {ago} ago{late}; ends by itself about {clock(self.ends_by)}"
