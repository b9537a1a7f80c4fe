"""Machines of a run that never wrote into its log: whoever writes next tells of them, for its cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runner import events as e
from runner.events import microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Unheard:
    """As the cloud told of it; the times are seconds since the epoch. `reason`: why it is gone.

    `price`: as in `instance_launched`.
    """

    instance_id: str
    generation: int
    type: str = ""
    region: str = ""
    zone: str = ""
    spot: bool = False
    price: float = 0.0
    launched_at: float = 0.0
    ended_at: float = 0.0
    reason: str = ""

    def words(self) -> Iterator[e.Event]:
        """Pure. Without a reason it is the run's end that is its own."""
        yield e.InstanceLaunched(
            at=microseconds(self.launched_at),
            instance_id=self.instance_id,
            generation=self.generation,
            machine_type=self.type,
            region=self.region,
            zone=self.zone,
            spot=self.spot,
            launched_at=microseconds(self.launched_at),
            price=self.price,
        )
        if self.reason:
            at = microseconds(self.ended_at)
            yield e.InstanceLost(at=at, instance_id=self.instance_id, reason=self.reason)
