"""What the language has and this version does not execute yet, said in one sentence for each feature.

`unsupported`: the run does what the file says, without this. `refused`: it would do something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from runner.problems import Route

_PROVIDERS = {"batch": "send jobs to AWS Batch", "slurm": "send jobs to Slurm"}
_QUEUE_UNSUPPORTED = {
    "resources": "`resources` of the queue: pools are not enforced yet, only `max_parallel` is",
    "notify": "`notify`: nobody is notified yet",
}
_JOB_UNSUPPORTED = {
    "inputs": "`inputs` of {jobs}: results are not reused yet, the job runs each time",
    "resources": "`resources` of {jobs}: not enforced yet, only `max_parallel` bounds what runs at a time",
}
_JOB_REFUSED = {
    "matrix": "`matrix` of {jobs}: this version cannot expand it into its instances yet",
    "foreach": "`foreach` of {jobs}: this version cannot expand it into its instances yet",
}


class Note(NamedTuple):
    """`route` leads to the first use, in canonical names."""

    sentence: str
    route: Route


def unsupported(fields: Mapping[str, Any]) -> tuple[Note, ...]:
    """Of a queue's canonical fields."""
    queue = [Note(text, (key,)) for key, text in _QUEUE_UNSUPPORTED.items() if fields.get(key)]
    return (*queue, *_of_jobs(fields, _JOB_UNSUPPORTED))


def refused(fields: Mapping[str, Any], provider: str) -> tuple[Note, ...]:
    """The same. `provider` is that of the queue's machine, wherever it is configured."""
    found = list(_of_jobs(fields, _JOB_REFUSED))
    if provider in _PROVIDERS:
        sentence = f"`machine.provider: {provider}`: this version cannot {_PROVIDERS[provider]} yet"
        found.insert(0, Note(sentence, ("machine", "provider")))
    return tuple(found)


def _of_jobs(fields: Mapping[str, Any], texts: Mapping[str, str]) -> Iterator[Note]:
    defaults = fields.get("defaults") or {}
    for key, text in texts.items():
        using = [(number, job) for number, job in enumerate(fields.get("jobs") or ()) if key in job]
        if key in defaults:
            yield Note(text.format(jobs="`defaults`"), ("defaults", key))
        elif using:
            number, job = using[0]
            yield Note(text.format(jobs=_jobs(str(job.get("job_id", "")), len(using))), ("jobs", number, key))


def _jobs(first: str, count: int) -> str:
    return f"job `{first}`" + (f" and {count - 1} more" if count > 1 else "")
