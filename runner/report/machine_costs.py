"""What a run's machines did cost, from its log alone: at most that, as no way to have one is dearer.

The instance alone. The log ends before its machine does, so a minute is added to what is counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from runner.plan.prices import actual, is_burstable
from runner.report.cost_words import Mark, money
from runner.report.wording import counted
from runner.state import MachineState, RunState
from runner.units import format_duration

_SHUTTING_DOWN = 60.0


def seconds_of(machine: MachineState, now: float) -> float | None:
    """From its launch to the end of its work; None where nobody knows when it was launched."""
    if not machine.launched_at:
        return None
    return max(0.0, (machine.ended_at or now) - machine.launched_at)


def dollars_of(machine: MachineState, now: float) -> float | None:
    """None where its price, or its life, is not known; nothing where there never was one."""
    if not machine.instance_id:
        return 0.0
    seconds = seconds_of(machine, now)
    return None if seconds is None or not machine.price else actual(seconds + _SHUTTING_DOWN, machine.price)


def dollars(machines: Sequence[MachineState], now: float) -> float | None:
    """Of all of them together; None where one of them is not known."""
    known = [found for one in machines if (found := dollars_of(one, now)) is not None]
    return sum(known) if len(known) == len(machines) else None


def life(machine: MachineState, now: float, mark: Mark = str) -> str:
    """`12m3s, at most $0.02 (on-demand price)`."""
    seconds = seconds_of(machine, now)
    if seconds is None:
        return "cost unknown"
    return f"{format_duration(seconds)}, {_at_most([machine], now, mark)}"


def together(machines: Sequence[MachineState], now: float, mark: Mark = str) -> str:
    """`3 machines, 1h2m, at most $0.05 (on-demand prices)`."""
    seconds = sum(seconds_of(one, now) or 0.0 for one in machines)
    told = f"{counted(len(machines), 'machine')}, {format_duration(seconds)}"
    return f"{told}, {_at_most(machines, now, mark)}"


def came(state: RunState) -> list[MachineState]:
    """Those that were there: a run may end because it never got one."""
    return [machine for machine in state.machines if machine.instance_id]


def closing_line(state: RunState, now: float) -> str:
    """For the terminal; "" where no machine was launched."""
    machines = came(state)
    if not machines:
        return "none was launched, cost $0.00" if state.machines else ""
    if len(machines) > 1:
        return together(machines, now)
    machine = machines[0]
    kind = machine.type or machine.instance_id
    where = f" in {machine.region}" if machine.region else ""
    return f"{kind}{where}, {life(machine, now)}"


def _at_most(machines: Sequence[MachineState], now: float, mark: Mark) -> str:
    found = dollars(machines, now)
    if found is None:
        return "cost unknown (no price was known at launch)"
    price = "price" if len(machines) == 1 else "prices"
    besides = ", without CPU credits" if any(is_burstable(one.type) for one in machines) else ""
    return f"at most {mark(money(found))} (on-demand {price}{besides})"
