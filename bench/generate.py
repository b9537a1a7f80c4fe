"""The same graph of jobs, written for every program that is compared. Pure: shape in, text out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import accumulate


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Jobs in `levels`: every job of a level depends on all jobs of the level before it."""

    name: str
    levels: tuple[int, ...]
    command: str = "true"
    at_once: int = 2

    @property
    def size(self) -> int:
        return sum(self.levels)

    @property
    def independent(self) -> bool:
        return len(self.levels) == 1

    def jobs(self) -> list[tuple[str, list[str]]]:
        """(id, ids that it depends on), in the order of the levels."""
        names: list[list[str]] = []
        for count, end in zip(self.levels, accumulate(self.levels), strict=True):
            names.append([f"j{i}" for i in range(end - count, end)])
        before: list[list[str]] = [[], *names[:-1]]
        return [(job, deps) for level, deps in zip(names, before, strict=True) for job in level]


def queue_yaml(shape: Shape, shell: str) -> str:
    """As a person writes it. `shell` is only named where it is not the default."""
    lines = ["queue_id: bench", f"max_parallel: {shape.at_once}"]
    if shell != "bash":
        lines.append(f"defaults: {{shell: [/bin/{shell}, -c]}}")
    lines.append("jobs:")
    for job, deps in shape.jobs():
        lines += [f"- job_id: {job}", f"  command: {json.dumps(shape.command)}"]
        lines += [f"  depends_on: [{', '.join(deps)}]"] if deps else []
    return "\n".join(lines) + "\n"


def makefile(shape: Shape) -> str:
    """Logs by redirection, a stamp for each job: what it takes to start again where it stopped."""
    rules = [
        f"stamps/{job}: {' '.join(f'stamps/{d}' for d in deps)}\n\t@{logged(shape.command, job)} && : >$@"
        for job, deps in shape.jobs()
    ]
    every = " ".join(f"stamps/{job}" for job, _ in shape.jobs())
    return "\n".join(["SHELL = /bin/bash", f"all: {every}", *rules]) + "\n"


def ninja(shape: Shape) -> str:
    rule = f"rule job\n  command = {logged(shape.command, '$name')} && : >$out\n"
    builds = [
        f"build stamps/{job}: job {' '.join(f'stamps/{d}' for d in deps)}\n  name = {job}"
        for job, deps in shape.jobs()
    ]
    return rule + "\n".join(builds) + "\n"


def snakefile(jobs: int, command: str) -> str:
    """`jobs` independent ones."""
    return (
        f"rule all:\n    input: expand('stamps/j{{i}}', i=range({jobs}))\n"
        "rule job:\n    output: 'stamps/j{i}'\n    log: out='logs/j{i}.out', err='logs/j{i}.err'\n"
        f"    shell: '{{{{ {command}; }}}} >{{log.out}} 2>{{log.err}} && : >{{output}}'\n"
    )


def command_lines(shape: Shape) -> str:
    """One command a line, for GNU parallel."""
    return f"{shape.command}\n" * shape.size


def limit_lines(shape: Shape) -> str:
    """`LEVEL ID COMMAND`: the limit waits for a whole level, which for these shapes is what the edges say."""
    levels = [level for level, count in enumerate(shape.levels) for _ in range(count)]
    pairs = zip(levels, shape.jobs(), strict=True)
    return "".join(f"{level} {job} {shape.command}\n" for level, (job, _) in pairs)


def logged(command: str, name: str) -> str:
    """Grouped, not in a subshell: a fork more a job would be unfair to the others."""
    return f"{{ {command}; }} >logs/{name}.out 2>logs/{name}.err"


def big_queue(jobs: int) -> dict[str, object]:
    """A queue as people generate them: every job with a handful of fields, 360 bytes of YAML each."""
    return {
        "queue_id": "big",
        "queue_name": f"A queue of {jobs} jobs",
        "on_failure": "continue",
        "jobs": [_big_job(index) for index in range(jobs)],
    }


def _big_job(index: int) -> dict[str, object]:
    job: dict[str, object] = {
        "job_id": f"process-{index:05d}",
        "description": f"Process part {index} of the monthly delivery and store what came out",
        "command": f"python process.py --part {index} --input parts/{index}.csv --output out/{index}.json",
        "timeout": "30m",
        "retry_count": 2,
        "retry_strategy": "exponential",
        "environment": {"PART": str(index), "MODE": "strict"},
        "result_files": [f"out/{index}.json"],
    }
    return job | ({"depends_on": [f"process-{index - 100:05d}"]} if index >= 100 else {})


def as_yaml(queue: dict[str, object]) -> str:
    """Block style, without a YAML library: its speed must not matter here."""
    lines: list[str] = []
    for key, value in queue.items():
        if key != "jobs":
            lines.append(f"{key}: {value}")
    lines.append("jobs:")
    jobs = queue["jobs"]
    assert isinstance(jobs, list)
    for job in jobs:
        lines += _yaml_job(job)
    return "\n".join(lines) + "\n"


def _yaml_job(job: dict[str, object]) -> list[str]:
    lines: list[str] = []
    for key, value in job.items():
        if isinstance(value, dict):
            lines += [f"  {key}:", *(f"    {k}: {json.dumps(v)}" for k, v in value.items())]
        elif isinstance(value, list):
            lines += [f"  {key}:", *(f"  - {item}" for item in value)]
        else:
            lines.append(f"  {key}: {value}")
    lines[0] = "- " + lines[0][2:]
    return lines
