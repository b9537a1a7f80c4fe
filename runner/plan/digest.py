"""The digest of a plan: what a reviewer agrees to is what runs.

`sha256:` over the canonical JSON of everything that decides what runs: the jobs, literal environment values,
machine, params, the runner's version. Titles and descriptions are left out. What a value
is read from stays symbolic: `${NAME}` and secret references as they are written, and expressions that read
`git` or `now` by their raw text, so that the merge of a reviewed file has the digest of its review.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from runner.model import Queue
from runner.plan.codec import Form, queue_form
from runner.plan.symbolic import make_symbolic
from runner.problems import Route

_FOR_PEOPLE = ("queue_name", "unsupported", "refused")
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False).encode


def digest_of(
    queue: Queue,
    *,
    runner_version: str,
    volatile: Mapping[Route, str] | None = None,
    tree: Mapping[str, Any] | None = None,
) -> str:
    """`sha256:` and 64 hex digits.

    `volatile` has the raw text of each leaf of the rendered document that read `git` or `now`, by its
    route there; `tree` is that document (only leaves below `defaults` need it).
    """
    form = queue_form(queue)
    if volatile:
        form = make_symbolic(form, volatile, tree or {}).form
    canonical = _encode({"runner_version": runner_version, "queue": _canonical(form)})
    return "sha256:" + hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _canonical(form: Form) -> Form:
    """Without what only people read, sets in one order. The order of the jobs counts: ties go by it."""
    for name in _FOR_PEOPLE:
        form.pop(name, None)
    for job in form["jobs"]:
        job.pop("description", None)
        for name in ("depends_on", "reads", "deferred"):
            if name in job:
                job[name] = sorted(job[name])
    return form
