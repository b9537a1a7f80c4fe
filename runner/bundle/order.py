"""What the agent of a machine is told to do: `order/GEN.json` below the run's own place.

Written before the machine is asked for, and never changed: a machine that was launched twice reads the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from runner.bundle.unheard import Unheard
from runner.errors import LogError

ACTIONS = ("run", "retry")


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineOrder:
    """Names are below the account's prefix, above `runs/`.

    `run` begins, or goes on where the log ends; `retry` opens what has ended (`job_ids`, or what failed).
    `state`: the archive of the queue's state directory that an earlier run left, or "".
    `by`: who asked for it. `because`: why the run gets another machine that nobody asked for, or "".
    `prices`: US dollars an hour, on demand, of the types that the machine may have, as far as they are known.
    `unheard`: machines before this one of which the log does not tell, oldest first.
    """

    checkout: str
    checkout_sha256: str
    action: str = "run"
    job_ids: tuple[str, ...] = ()
    state: str = ""
    by: str = ""
    because: str = ""
    prices: Mapping[str, float] = field(default_factory=dict)
    unheard: tuple[Unheard, ...] = ()


def order_name(generation: int) -> str:
    return f"order/{generation}.json"


def to_json(order: MachineOrder) -> bytes:
    form = {
        "version": 1,
        "action": order.action,
        "job_ids": list(order.job_ids),
        "checkout": order.checkout,
        "checkout_sha256": order.checkout_sha256,
        "state": order.state,
        "by": order.by,
        "because": order.because,
        "prices": dict(order.prices),
        "unheard": [asdict(one) for one in order.unheard],
    }
    return json.dumps(form, sort_keys=True, indent=1).encode() + b"\n"


def from_json(raw: bytes, name: str) -> MachineOrder:
    """Raises LogError for anything that is no order."""
    try:
        form = json.loads(raw)
        if form["version"] != 1 or form["action"] not in ACTIONS:
            raise ValueError("another version, or an unknown action")
        return MachineOrder(
            action=form["action"],
            job_ids=tuple(_text(job_id) for job_id in form["job_ids"]),
            checkout=_text(form["checkout"]),
            checkout_sha256=_text(form["checkout_sha256"]),
            state=_text(form["state"]),
            by=_text(form.get("by", "")),
            because=_text(form.get("because", "")),
            prices={str(name): float(price) for name, price in form.get("prices", {}).items()},
            unheard=tuple(Unheard(**one) for one in form.get("unheard", ())),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LogError(
            f"{name} is not an order for a machine: {error}",
            hint="it was changed by something other than runner, or written by a newer one; use that",
        ) from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is missing")
    return value
