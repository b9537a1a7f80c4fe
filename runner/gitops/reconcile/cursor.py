"""How far reconciliation came: a small file that each pass leaves for the next one, as an artifact.

The artifact is found by its name, which anybody's workflow may use: what counts is the workflow run that made
it. It holds nothing that would start anything by itself: commits and times, checked against the history.
"""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.errors import ForgeNotFoundError, ForgeRefusedError, RunnerError, StoreError
from runner.gitops.artifacts import unzipping
from runner.gitops.context import is_commit
from runner.gitops.reconcile.reads import Reads, is_pass
from runner.gitops.run.performing import Stage
from runner.ports import Artifact
from runner.runs.places import HOME, make_home

ARTIFACT, CLOUD_ARTIFACT, FILE = "runner-cursor", "runner-cloud-cursor", "cursor.json"
"""Passes for runs here and for those in the cloud look at the same history, each at its own pace."""
LARGEST = 64 * 1024
"""Bytes, packed or not."""
MOST_TRIED = 20
"""Artifacts of this name that are looked at: others may lie on top of ours."""
MOST_OPEN = 60
"""Commits with runs that are not over."""
MOST_WAITING = 200
_VERSION = 1
_LONGEST_NAME = 1000
_LATEST = 253_402_300_799.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Up to `commit` every merge is settled, up to `at` (seconds since the epoch) every schedule.

    `open` are commits with runs that were not over. `waiting`: queue files whose schedule is settled only up
    to an earlier time than `at`. `origin` is the workflow run that left this, 0 for none; not in the file.
    """

    commit: str
    at: float
    open: tuple[str, ...] = ()
    waiting: Mapping[str, float] = field(default_factory=dict)
    origin: int = 0


def to_json(cursor: Cursor) -> bytes:
    form = {
        "version": _VERSION,
        "commit": cursor.commit,
        "at": cursor.at,
        "open": list(cursor.open[:MOST_OPEN]),
        "waiting": dict(sorted(cursor.waiting.items())[:MOST_WAITING]),
    }
    return json.dumps(form, indent=1).encode() + b"\n"


def from_json(raw: bytes) -> Cursor:
    """Raises RunnerError for anything that `to_json` does not write."""
    try:
        form = json.loads(raw)
        if set(form) != {"version", "commit", "at", "open", "waiting"} or form["version"] != _VERSION:
            raise ValueError("it has other fields")
        if len(form["open"]) > MOST_OPEN or len(form["waiting"]) > MOST_WAITING:
            raise ValueError("it is too long")
        return Cursor(
            commit=_commit(form["commit"]),
            at=_time(form["at"]),
            open=tuple(map(_commit, form["open"])),
            waiting={_name(name): _time(at) for name, at in form["waiting"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise RunnerError(f"this is no cursor: {str(error)[:200]}") from error


def read(reads: Reads, stage: Stage) -> Cursor | None:
    """The newest that a pass of this repository left; None for none. Raises ForgeError, ReadsSpentError."""
    name = ARTIFACT if stage.site is None else CLOUD_ARTIFACT
    found = [one for one in reads.artifacts(name=name) if not one.expired and one.size <= LARGEST]
    for artifact in sorted(found, key=lambda one: -one.id)[:MOST_TRIED]:
        run = reads.workflow_run(artifact.workflow_run)
        if run is None or not is_pass(run, stage):
            continue
        cursor = _read(artifact, reads, stage)
        if cursor is not None:
            return cursor
    return None


def write(checkout: Path, cursor: Cursor) -> None:
    """Whole or not at all. Raises StoreError."""
    path = make_home(checkout) / FILE
    part = path.with_name(f".{FILE}.{secrets.token_hex(4)}.part")  # two passes may share a checkout
    try:
        with part.open("xb") as file:
            file.write(to_json(cursor))
        part.replace(path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from error


def clear(checkout: Path) -> None:
    """What an earlier pass, or a commit, left here is not what this pass finds. Raises StoreError."""
    path = checkout / HOME / FILE
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cannot remove {path}: {error.strerror or error}") from error


def _read(artifact: Artifact, reads: Reads, stage: Stage) -> Cursor | None:
    """None where it cannot be used: the one before it then has to do, and more is looked at again."""
    reads.spend()
    try:
        packed = stage.forge.download(artifact, limit=LARGEST)
    except (ForgeNotFoundError, ForgeRefusedError) as error:
        stage.notice(f"a cursor cannot be fetched: {error.message}")
        return None
    try:
        made = from_json(unzipping.member(packed, FILE, LARGEST))
    except RunnerError as error:
        stage.notice(f"the cursor of workflow run {artifact.workflow_run} is not used: {error.message}")
        return None
    now = stage.clock.now()
    return Cursor(
        commit=made.commit,
        at=min(made.at, now),
        open=made.open,
        waiting={name: min(at, now) for name, at in made.waiting.items()},
        origin=artifact.workflow_run,
    )


def _commit(value: Any) -> str:
    if not isinstance(value, str) or not is_commit(value):
        raise ValueError("a commit id is missing")
    return value


def _time(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("a time is missing")
    if not 0 <= value <= _LATEST:
        raise ValueError("a time is out of range")
    return float(value)


def _name(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME or not value.isprintable():
        raise ValueError("a file name is missing")
    return value
