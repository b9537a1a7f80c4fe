"""Reading the `plan.json` of a pull request, which anybody may have written.

Size, depth and numbers are bounded, the schema is strict, and every digest is computed again: what is shown
is what the digest stands for, or nothing is.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import os
import stat
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from runner import schema
from runner.errors import PlanError
from runner.gitops.plan.artifact import (
    LIMIT,
    LONGEST_TEXT,
    MOST_FILES,
    MOST_JOBS,
    MOST_PARAMS,
    MOST_PROBLEMS,
    MOST_REMOVED,
    NAME,
    UNPACKED,
    Bundle,
    PlannedFile,
    is_clean,
)
from runner.model import Git, Plan, Queue
from runner.plan.codec import plan_of, to_json
from runner.plan.digest import digest_of
from runner.problems import Location, Problem, Severity, shorten
from runner.units import LONGEST

_DEPTH = 72
"""A queue file may be 64 deep, and its plan stands inside a few more."""
_MOST_RETRIES = 1_000_000
_MOST_PARALLEL = 100_000
_HIGHEST = 1 << 53
_AGAIN = "run the plan workflow again; if that does not help, the plan is not one that this runner makes"


def read_file(folder: Path) -> bytes:
    """`plan.json` in the folder: a regular file of at most LIMIT bytes. Raises PlanError."""
    try:
        # Neither a link to another file nor a pipe that never ends is opened.
        descriptor = os.open(folder / NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _refused("it is not a file")
            raw = file.read(LIMIT + 1)
    except FileNotFoundError:
        raise _refused("there is none: the plan workflow left nothing") from None
    except OSError as error:
        raise _refused(f"it cannot be opened ({error.strerror})") from error
    return raw


def from_bytes(raw: bytes) -> Bundle:
    """The bundle in these bytes. Raises PlanError, which says why not, without quoting much of it."""
    if len(raw) > LIMIT:
        raise _refused(f"it has more than {LIMIT >> 20} MiB")
    form = _parsed(raw, "pull")
    if len(form["queues"]) > MOST_FILES or len(form["removed"]) > MOST_REMOVED:
        raise _refused("it has more files than one pull request is planned with")
    files = tuple(_files(form["queues"]))
    removed = tuple(form["removed"])
    sources = [file.source for file in files]
    if not all(map(is_clean, (*removed, *sources))):
        raise _refused("it names a path that is none of the repository")
    if len(set(sources)) != len(sources):
        raise _refused("it names a file twice")
    version = form["runner_version"]
    if any(file.plan is not None and file.plan.runner_version != version for file in files):
        raise _refused("its plans are of several runners")
    return Bundle(sha=form["sha"], base=form["base"], runner_version=version, queues=files, removed=removed)


def check(plan: Plan) -> None:
    """Whether this plan would be read again. Raises PlanError."""
    _plan(_parsed(to_json(plan), "plan"), plan.source)


def _files(entries: Sequence[Mapping[str, Any]]) -> Iterator[PlannedFile]:
    room, jobs = UNPACKED, 0
    for entry in entries:
        plan = None
        _check_size(entry)
        if "packed" in entry:
            unpacked = _unpacked(entry["packed"], room)
            room -= len(unpacked)
            plan = _plan(_parsed(unpacked, "plan"), entry["source"])
        elif "plan" in entry:
            _conform(entry["plan"], "plan")
            plan = _plan(entry["plan"], entry["source"])
        jobs += len(plan.queue.jobs) if plan is not None else 0
        if jobs > MOST_JOBS:
            raise _refused(f"it has more than {MOST_JOBS:,} jobs")
        yield PlannedFile(
            source=entry["source"],
            plan=plan,
            problems=tuple(map(_problem, entry.get("problems", ()))),
            params=tuple(entry.get("params", ())),
        )


def _check_size(entry: Mapping[str, Any]) -> None:
    """Counts and lengths, which whoever writes the file keeps to."""
    problems, params = entry.get("problems", ()), entry.get("params", ())
    texts = [text for problem in problems for text in (problem["message"], problem.get("hint", ""))]
    if len(problems) > MOST_PROBLEMS or len(params) > MOST_PARAMS:
        raise _refused("a file in it has more problems than are handed on")
    if any(len(text) > LONGEST_TEXT for text in (*texts, *params)):
        raise _refused("a text in it is longer than any that is handed on")
    if "plan" in entry and "packed" in entry:
        raise _refused("a file in it has two plans")


def _unpacked(text: str, room: int) -> bytes:
    """At most `room` bytes ever exist, however much the text would become."""
    try:
        unpacker = zlib.decompressobj()
        raw = unpacker.decompress(base64.b64decode(text, validate=True), room + 1)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise _refused("a plan in it cannot be unpacked") from error
    if len(raw) > room or not unpacker.eof or unpacker.unused_data:
        raise _refused("a plan in it is too large, or cut")
    return raw


def _plan(form: Mapping[str, Any], source: str) -> Plan:
    try:
        plan = plan_of(form)
    except PlanError as error:
        raise _refused(f"a plan in it is none: {shorten(error.message.partition(': ')[2], 200)}") from error
    if plan.source != source or plan.git != Git():
        raise _refused("a plan in it is not that of its file")
    if not plan.queue.jobs:
        raise _refused("a plan in it has no jobs")
    if not _is_bounded(plan.queue):
        raise _refused("a plan in it has numbers that no queue has")
    if digest_of(plan.queue, runner_version=plan.runner_version) != plan.digest:
        raise _refused("a plan in it does not have the digest that it claims")
    return plan


def _is_bounded(queue: Queue) -> bool:
    """Within what a valid queue file can say; what is computed from these must not run away."""
    seconds = [queue.timeout or 0.0, queue.cleanup_timeout]
    for job in queue.jobs:
        seconds += [job.timeout or 0.0, job.kill_grace, job.retry.delay, job.retry.max_delay]
    return (
        max(seconds) <= LONGEST
        and all(job.retry.count <= _MOST_RETRIES for job in queue.jobs)
        and (queue.max_parallel or 1) <= _MOST_PARALLEL
        and all(abs(job.priority) <= _HIGHEST for job in queue.jobs)
    )


def _problem(form: Mapping[str, Any]) -> Problem:
    file = form.get("file", "")
    if file and not is_clean(file):
        raise _refused("it names a path that is none of the repository")
    place = Location(file=file, line=form.get("line", 0), column=form.get("column", 0)) if file else None
    return Problem(
        rule=form["rule"],
        message=form["message"],
        hint=form.get("hint", ""),
        severity=Severity(form.get("severity", "error")),
        location=place,
    )


def _parsed(raw: bytes, kind: str) -> Any:
    try:
        form = json.loads(raw, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise _refused("it is not JSON within our bounds") from error
    if _is_deeper(form, _DEPTH):
        raise _refused("it is nested too deeply")
    _conform(form, kind)
    return form


def _conform(form: Any, kind: str) -> None:
    try:
        problems = schema.check(form, kind)
    except (ValueError, OverflowError) as error:  # what the validator's own text and numbers cannot hold
        raise _refused("it holds text or numbers that are none") from error
    if problems:
        raise _refused(f"it does not follow its schema: {shorten(problems[0].message, 200)}")


def _is_deeper(form: Any, most: int) -> bool:
    level = [form] if isinstance(form, dict | list) else []
    for _ in range(most):
        level = [
            inner
            for node in level
            for inner in (node.values() if isinstance(node, dict) else node)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("too large a number")
    return number


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _refused(why: str) -> PlanError:
    return PlanError(f"the plan of this push cannot be read: {why}", hint=_AGAIN)
