"""What the language has and this version does not execute yet, said in one sentence for each feature.

`unsupported`: the run does what the file says, without this. `refused`: it would do something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_PROVIDERS = {
    "ec2": "launch an EC2 instance",
    "batch": "send jobs to AWS Batch",
    "slurm": "send jobs to Slurm",
}
_JOB_UNSUPPORTED = {
    "inputs": "`inputs` of {jobs}: results are not reused yet, the job runs each time",
    "resources": "`resources` of {jobs}: not enforced yet, only `max_parallel` bounds what runs at a time",
}
_QUEUE_UNSUPPORTED = {
    "resources": "`resources` of the queue: pools are not enforced yet, only `max_parallel` is",
    "concurrency": "`concurrency`: runs of one group do not wait for each other yet",
    "schedule": "`schedule`: nothing starts the queue by the clock yet",
    "notify": "`notify`: nobody is notified yet",
}
_JOB_REFUSED = {
    "matrix": "`matrix` of {jobs}: this version cannot expand it into its instances yet",
    "foreach": "`foreach` of {jobs}: this version cannot expand it into its instances yet",
}


def unsupported(fields: Mapping[str, Any]) -> tuple[str, ...]:
    queue = [text for key, text in _QUEUE_UNSUPPORTED.items() if fields.get(key)]
    return (*queue, *_of_jobs(fields, _JOB_UNSUPPORTED))


def refused(fields: Mapping[str, Any], provider: str) -> tuple[str, ...]:
    jobs = tuple(_of_jobs(fields, _JOB_REFUSED))
    if provider not in _PROVIDERS:
        return jobs
    return (f"`machine.provider: {provider}`: this version cannot {_PROVIDERS[provider]} yet", *jobs)


def _of_jobs(fields: Mapping[str, Any], texts: Mapping[str, str]) -> Iterator[str]:
    defaults = fields.get("defaults") or {}
    for key, text in texts.items():
        using = [job["job_id"] for job in fields["jobs"] if key in job]
        if key in defaults:
            yield text.format(jobs="`defaults`")
        elif using:
            more = f" and {len(using) - 1} more" if len(using) > 1 else ""
            yield text.format(jobs=f"job `{using[0]}`{more}")
