"""The process that evaluates due expressions, and the lines of JSON it is spoken to with.

It reads one request a line from standard input, writes one answer a line, in order, and ends when its
input does. `evaluator` starts it, watches its time and starts another when one was too slow.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
from collections.abc import Iterator
from typing import Any

from runner.bounded import address_space
from runner.expressions import Answer, JobView, Request, answer
from runner.model import Git

READY = b"ready\n"
"""What the process says first."""
_ORPHAN = 5.0
"""Seconds between two looks at whether the parent lives: another process may hold our input open."""

_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), check_circular=False).encode


def encode_request(request: Request) -> bytes:
    git = request.git
    record = {
        "job_id": request.job_id,
        "when": request.when,
        "fields": dict(request.fields),
        "params": dict(request.params),
        "git": None if git is None else [git.sha, git.branch, git.pr, git.actor],
        "jobs": {
            job_id: [view.status, view.exit_code, dict(view.outputs), view.held_back]
            for job_id, view in request.jobs.items()
        },
        "direct": request.direct,
    }
    return _encode(record).encode() + b"\n"


def decode_request(line: bytes) -> Request:
    record = json.loads(line)
    git = record["git"]
    views = {
        job_id: JobView(status=status, exit_code=exit_code, outputs=outputs, held_back=held_back)
        for job_id, (status, exit_code, outputs, held_back) in record["jobs"].items()
    }
    return Request(
        job_id=record["job_id"],
        when=record["when"],
        fields=record["fields"],
        params=record["params"],
        git=None if git is None else Git(sha=git[0], branch=git[1], pr=git[2], actor=git[3]),
        jobs=views,
        direct=tuple(record["direct"]),
    )


def encode_answer(found: Answer) -> bytes:
    return _encode([found.job_id, found.when, found.values, found.error]).encode() + b"\n"


def decode_answer(line: bytes) -> Answer:
    job_id, when, values, error = json.loads(line)
    return Answer(job_id=job_id, when=when, values=values, error=error)


def main(memory: int, parent: int) -> None:
    """Answer requests until the input or the parent ends, with at most `memory` more bytes than now."""
    _limit(memory)
    _write(READY)
    for line in _lines(parent):
        _write(_answered(line))


def _answered(line: bytes) -> bytes:
    request = decode_request(line)
    try:
        return encode_answer(answer(request))
    except Exception as error:  # noqa: BLE001  the next request must not suffer; the job fails with this
        return encode_answer(
            Answer(
                job_id=request.job_id, error=f"the evaluation failed: {type(error).__name__}: {error}"[:500]
            )
        )


def _limit(memory: int) -> None:
    bound = address_space() + memory
    with contextlib.suppress(OSError, ValueError):  # macOS refuses
        resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _lines(parent: int) -> Iterator[bytes]:
    rest = b""
    poll = select.poll()
    poll.register(0, select.POLLIN)
    while os.getppid() == parent:
        if not poll.poll(_ORPHAN * 1000):
            continue
        chunk = os.read(0, 1 << 16)
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def _write(said: bytes) -> None:
    view: Any = memoryview(said)
    while view:
        view = view[os.write(1, view) :]
