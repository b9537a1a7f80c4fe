"""Queues that mean harm, each made when it is asked for: they are large."""

from __future__ import annotations

from collections.abc import Callable

MANY = range(10_000)
QUEUE = b"jobs:\n  - job_id: a\n    command: x\n"


def jobs(*lines: str) -> bytes:
    return ("jobs:\n" + "".join(f"  - {line}\n" for line in lines)).encode()


HOSTILE: dict[str, Callable[[], bytes]] = {
    "a circle of 10,000": lambda: jobs(
        *(f"{{job_id: j{i}, command: x, depends_on: [j{(i + 1) % 10_000}]}}" for i in MANY)
    ),
    "10,000 circles": lambda: jobs(*(f"{{job_id: j{i}, command: x, depends_on: [j{i ^ 1}]}}" for i in MANY)),
    "10,000 handlers in a circle": lambda: jobs(
        *(f"{{job_id: j{i}, command: x, on_failure: j{(i + 1) % 10_000}}}" for i in MANY)
    ),
    "10,000 unknown dependencies": lambda: jobs(
        *(f"{{job_id: jab{i}, command: x, depends_on: [job{i}]}}" for i in MANY)
    ),
    "10,000 equal ids": lambda: jobs(*("{job_id: j, command: x}" for _ in MANY)),
    "10,000 unknown fields": lambda: jobs(*("{job_id: j, command: x, comand: x}" for _ in MANY)),
    "10,000 wrong types": lambda: jobs(*("{job_id: j, command: 5}" for _ in MANY)),
    "10,000 dependencies on 10,000": lambda: jobs(
        *(f"{{job_id: j{i}, command: x, depends_on: *d}}" for i in range(1, 10_000)),
        "{job_id: j0, command: x, depends_on: [j0]}",
    ).replace(b"jobs:", b"x-d: &d [" + b",".join(b"j%d" % i for i in range(70)) + b"]\njobs:"),
    "a million dependencies": lambda: (
        b"jobs: [{job_id: a, command: x, depends_on: [" + b"a," * 700_000 + b"5]}]"
    ),
    "a very long command": lambda: (
        b"jobs:\n  - job_id: a\n    command: |\n" + b"      echo $FOO '${BAR}' \"$BAZ\" \\\n" * 200_000
    ),
    "a command of quotes": lambda: b'jobs: [{"job_id": "a", "command": "' + b"'\\\"" * 1_500_000 + b'$X"}]',
    "a command of dollars": lambda: b'jobs: [{"job_id": "a", "command": "' + b"$" * 8_000_000 + b'X"}]',
    "a duration of digits": lambda: b"jobs: [{job_id: a, command: x, timeout: '" + b"1" * 8_000_000 + b"s'}]",
    "a duration of spaces": lambda: b"jobs: [{job_id: a, command: x, timeout: '1" + b" " * 8_000_000 + b"'}]",
    "a duration of units": lambda: b"jobs: [{job_id: a, command: x, timeout: '" + b"1s" * 4_000_000 + b"x'}]",
    "a size of digits": lambda: (
        b"jobs: [{job_id: a, command: x, resources: {memory: '" + b"1" * 8_000_000 + b"x'}}]"
    ),
    "a cron line of commas": lambda: b"schedule: '" + b"1," * 4_000_000 + b" * * * *'\n" + QUEUE,
    "a cron line of spaces": lambda: b"schedule: '* " + b" " * 8_000_000 + b"x'\n" + QUEUE,
    "an expression of 8 MB": lambda: b"jobs: [{job_id: a, command: '${{ " + b"1 + " * 2_000_000 + b"1 }}'}]",
    "a million expressions": lambda: b"jobs: [{job_id: a, command: [" + b"'${{ 1 + 1 }}'," * 400_000 + b"]}]",
    "a when of brackets": lambda: b"jobs: [{job_id: a, command: x, when: '" + b"(" * 1_000_000 + b"'}]",
    "100,000 reads": lambda: jobs(
        "{job_id: j0, command: x}",
        *(
            f"{{job_id: j{i}, command: x, depends_on: [j{i - 1}], when: \"jobs['j{i // 2}'].outputs.x\"}}"
            for i in range(1, 20_000)
        ),
    ),
    "a token of 9 MB": lambda: b"jobs: [{job_id: a, command: 'eyJ" + b"a" * 9_000_000 + b"'}]",
    "names of secrets": lambda: (
        b"jobs: [{job_id: a, command: x, environment: {"
        + b"".join(b"TOKEN_%d: abcdefgh," % i for i in range(200_000))
        + b"}}]"
    ),
    "results without end": lambda: (
        b"jobs: [{job_id: a, command: x, result_files: ["
        + b"a," * 300_000
        + b"]}, {job_id: b, command: x, result_files: ["
        + b"a," * 300_000
        + b"]}]"
    ),
    "a pattern that takes for ever": lambda: (
        b"params: {p: {pattern: '(a+)+$', default: '" + b"a" * 60 + b"b'}}\n" + QUEUE
    ),
    "a huge template name": lambda: b"template: " + b"a" * 9_000_000,
}
