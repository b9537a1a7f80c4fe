"""What an agent is told to do, as JSON between two processes of ours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.errors import UsageError

ACTIONS = ("start", "resume", "retry")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`plan` is the text of plan.json, for `start` alone; `job_ids` are those of `retry`.

    `restore`: the run was on another machine before, so that `checkout` has nothing of what its jobs left.
    """

    action: str
    run_id: str
    directory: Path
    checkout: Path
    plan: str = ""
    job_ids: tuple[str, ...] = ()
    restore: bool = False


def to_json(order: Order) -> bytes:
    form = {
        "action": order.action,
        "run_id": order.run_id,
        "directory": str(order.directory),
        "checkout": str(order.checkout),
        "plan": order.plan,
        "job_ids": list(order.job_ids),
        "restore": order.restore,
    }
    return json.dumps(form).encode()


def from_json(raw: bytes) -> Order:
    """Raises UsageError for anything that is no order."""
    try:
        form = json.loads(raw)
        if form["action"] not in ACTIONS:
            raise ValueError(f"there is no action {form['action']!r}")
        return Order(
            action=form["action"],
            run_id=_text(form["run_id"]),
            directory=Path(_text(form["directory"])),
            checkout=Path(_text(form["checkout"])),
            plan=_text(form["plan"]),
            job_ids=tuple(_text(job_id) for job_id in form["job_ids"]),
            restore=form["restore"] is True,
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(
            f"standard input is not an order: {error}", hint="the runner itself gives orders"
        ) from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is missing")
    return value
