"""Time and memory of one command, and pairs of commands side by side.

Memory is measured in a run of its own, so that looking does not slow the timed ones. It is read
from /proc, not from `wait4`: the kernel keeps a process's peak across `exec`, so a small program
started by Python would be charged with Python's own size.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to start: `stdin` is a file in `folder`, or None for an empty one."""

    argv: tuple[str, ...]
    folder: Path
    stdin: str | None = None
    environment: tuple[tuple[str, str], ...] = ()
    expected: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes. `driver`: peak RSS of the started process. `tree`: peak of the sum of all PSS, jobs included."""

    driver: int
    tree: int


class BenchError(Exception):
    """A measured command did not do its work: its time would mean nothing."""


def start(command: Command) -> subprocess.Popen[bytes]:
    stdin = command.folder / command.stdin if command.stdin else Path(os.devnull)
    with (command.folder / "bench.log").open("wb") as log, stdin.open("rb") as source:
        return subprocess.Popen(
            command.argv,
            cwd=command.folder,
            stdin=source,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **dict(command.environment)},
        )


def seconds(command: Command) -> float:
    """Wall time from start to exit. Dirty pages of what ran before are written out first."""
    os.sync()
    began = time.perf_counter()
    process = start(command)
    process.wait()
    took = time.perf_counter() - began
    _must_succeed(process, command)
    return took


def memory(command: Command, every: float = 0.02) -> Memory:
    process = start(command)
    driver = tree = 0
    while process.poll() is None:
        driver = max(driver, _peak_rss(process.pid))
        tree = max(tree, sum(_pss(pid) for pid in _descendants(process.pid)))
        time.sleep(every)
    _must_succeed(process, command)
    return Memory(driver=driver, tree=tree)


def interleaved(makers: Iterable[Callable[[], float]], rounds: int) -> list[list[float]]:
    """A B A B …: `rounds` seconds for each maker. What the machine does meanwhile meets all of them alike."""
    makers = list(makers)
    taken: list[list[float]] = [[] for _ in makers]
    for _ in range(rounds):
        for results, maker in zip(taken, makers, strict=True):
            results.append(maker())
    return taken


def median_ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the pairs' ratios, not the ratio of the medians: pairs share their moment."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def _must_succeed(process: subprocess.Popen[bytes], command: Command) -> None:
    if process.returncode != command.expected:
        tail = (command.folder / "bench.log").read_bytes()[-2000:].decode(errors="replace")
        raise BenchError(f"{' '.join(command.argv)[:200]}: exit {process.returncode}\n{tail}")


def _descendants(pid: int) -> list[int]:
    found = [pid]
    for known in found:  # grows while it is walked: breadth first
        try:
            children = Path(f"/proc/{known}/task/{known}/children").read_text()
        except OSError:  # it has ended since
            continue
        found += [int(child) for child in children.split()]
    return found


def _kilobytes(path: str, key: str) -> int:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:  # it has ended since
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(key)), 0)


def _peak_rss(pid: int) -> int:
    return _kilobytes(f"/proc/{pid}/status", "VmHWM:")


def _pss(pid: int) -> int:
    return _kilobytes(f"/proc/{pid}/smaps_rollup", "Pss:")
