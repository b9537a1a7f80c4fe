"""What a command costs before it does anything, and what a large file costs to check."""

from __future__ import annotations

import json
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.compare import workplace
from bench.generate import as_yaml, big_queue
from bench.measure import Command, interleaved, median_ratio, seconds

RUAMEL = "ruamel's C-backed safe load of the YAML"
_LOAD = "import sys; from ruamel.yaml import YAML; YAML(typ='safe', pure=False).load(open(sys.argv[1]))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Median seconds of a command and of what it is held against."""

    name: str
    against: str
    ours: float
    theirs: float
    ratio: float


def measure(program: str, rounds: int) -> list[Start]:
    python = sys.executable
    with workplace() as folder:
        _write_queues(folder)
        nothing = (python, "-c", "pass")
        load = (python, "-c", _LOAD, "10000.yaml")
        often = rounds * 4  # they are short, and vary more
        pairs = (
            ("`runner --help`", (program, "--help"), "`python -c pass`", nothing, often),
            ("`validate`, 10 jobs", (program, "validate", "10.yaml"), "`python -c pass`", nothing, often),
            ("`validate`, 10,000 jobs, YAML", (program, "validate", "10000.yaml"), RUAMEL, load, rounds),
            ("`validate`, 10,000 jobs, JSON", (program, "validate", "10000.json"), RUAMEL, load, rounds),
        )
        return [_pair(folder, *pair) for pair in pairs]


def _write_queues(folder: Path) -> None:
    for jobs in (10, 10_000):
        (folder / f"{jobs}.yaml").write_text(as_yaml(big_queue(jobs)))
        (folder / f"{jobs}.json").write_text(json.dumps(big_queue(jobs)))


def _pair(
    folder: Path, name: str, ours: tuple[str, ...], against: str, theirs: tuple[str, ...], rounds: int
) -> Start:
    mine, other = interleaved(
        [
            lambda: seconds(Command(argv=ours, folder=folder)),
            lambda: seconds(Command(argv=theirs, folder=folder)),
        ],
        rounds,
    )
    return Start(
        name=name,
        against=against,
        ours=statistics.median(mine),
        theirs=statistics.median(other),
        ratio=median_ratio(mine, other),
    )
