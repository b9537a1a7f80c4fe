"""Runs that somebody has to look after: `live/RUN_ID`, beside `runs/`, so that nobody has to read all runs.

Made before the run itself, and deleted when the run is over, shown, and its machines are gone.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from runner.machines.site import Site
from runner.stores.s3 import Found

FOLDER = "live/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """`commit` is "" for a run that is shown nowhere; else see `publish.target.Target`. `url`: its report."""

    run_id: str
    source: str = ""
    commit: str = ""
    head: str = ""
    pull: int = 0
    url: str = ""


def mark(live: Live, site: Site) -> None:
    """Keeps what was said of it first: the same run is shown in one place. Raises StoreError."""
    site.root.create(f"{FOLDER}{live.run_id}", json.dumps(asdict(live), sort_keys=True).encode())


def unmark(run_id: str, site: Site) -> None:
    site.root.delete(f"{FOLDER}{run_id}")


def marked(site: Site) -> list[Live]:
    """All, oldest mark first. Raises StoreError."""
    listed = sorted(site.root.names(FOLDER), key=lambda one: (one.modified, one.name))
    found = [(one.name, site.root.get(one.name)) for one in listed]
    return [_decoded(name.removeprefix(FOLDER), body) for name, body in found if body is not None]


def mark_of(run_id: str, site: Site) -> Live | None:
    found = site.root.get(f"{FOLDER}{run_id}")
    return _decoded(run_id, found) if found is not None else None


def _decoded(run_id: str, found: Found) -> Live:
    """What cannot be read still names a run."""
    try:
        form = json.loads(found.body)
        return Live(
            run_id=run_id,
            source=str(form["source"]),
            commit=str(form["commit"]),
            head=str(form["head"]),
            pull=int(form["pull"]),
            url=str(form["url"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return Live(run_id=run_id)
