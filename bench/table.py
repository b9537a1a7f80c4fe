"""The measurements as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.compare import LARGE, SMALL, Row
from bench.measure import Memory
from bench.startup import Start

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    date: str
    cores: int
    processor: str
    kernel: str
    python: str
    file_system: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    name: str
    jobs: int
    memory: Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    machine: Machine
    rows: Sequence[Row]
    weights: Sequence[Weight]
    starts: Sequence[Start]
    flat: Sequence[tuple[int, float]]
    """(jobs, our seconds for all of them)"""
    missing: Sequence[str]


def markdown(results: Results) -> str:
    return "\n\n".join(part for part in _parts(results) if part) + "\n"


def into_page(page: str, text: str) -> str:
    """The page with what stands between the two markers replaced."""
    before, found, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (found and ended):
        raise ValueError(f"the page has no {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{text}{END}{after}"


def _parts(results: Results) -> Iterable[str]:
    m = results.machine
    yield (
        f"Measured {m.date}: {m.cores} cores ({m.processor}), Linux {m.kernel}, Python {m.python}, "
        f"{m.file_system}. "
        "Medians of interleaved pairs; the ratio is ours / theirs, so below 1 `runner` is the faster one."
    )
    yield _jobs_table(results.rows)
    yield "\n".join(_notes(results.rows))
    yield _memory_table(results.weights)
    yield _starts_table(results.starts)
    yield _flat_table(results.flat)
    yield "\n".join(f"- {sentence}" for sentence in results.missing)


def _jobs_table(rows: Sequence[Row]) -> str:
    lines = [
        "| jobs | command | against | shells, ours / theirs | our jobs/s | their jobs/s | ratio | pairs |",
        "|---|---|---|---|--:|--:|--:|--:|",
    ]
    for row in rows:
        star = " *" if row.extrapolated else ""
        lines.append(
            f"| {row.shape.name} | `{row.shape.command}` | {row.peer.name}{star} "
            f"| {row.ours_shell} / {row.peer.shell} | {row.shape.size / row.ours:,.0f} "
            f"| {row.shape.size / row.theirs:,.0f} | {row.ratio:.2f} | {row.rounds} |"
        )
    return "\n".join(lines) if rows else ""


def _notes(rows: Sequence[Row]) -> Iterable[str]:
    names = {row.peer.name for row in rows}
    yield "- runner: the whole command, so its start, validation, plan, reports too (about 0.3 s, most of"
    yield "  the difference at 1,000 jobs). `true` is a plain word, executed without a shell, as make does."
    if "C limit" in names:
        yield "- *C limit*: `posix_spawn`, `wait4`, two log files a job, and nothing else (`bench/limit.c`)."
    if names & {"make", "ninja"}:
        yield "- make, ninja: two log files a job by redirection, and a stamp. ninja always uses `/bin/sh`."
    if any(row.extrapolated for row in rows):
        yield f"- \\* extrapolated from the difference between {LARGE} and {SMALL} jobs."


def _memory_table(weights: Sequence[Weight]) -> str:
    lines = [
        "| peak memory | jobs | the program's own process | all processes together |",
        "|---|--:|--:|--:|",
    ]
    lines += [
        f"| {w.name} | {w.jobs:,} | {w.memory.driver / 1e6:.1f} MB | {w.memory.tree / 1e6:.1f} MB |"
        for w in weights
    ]
    return "\n".join(lines) if weights else ""


def _starts_table(starts: Sequence[Start]) -> str:
    lines = ["| start-up | time | against | time | ratio |", "|---|--:|---|--:|--:|"]
    lines += [f"| {s.name} | {_ms(s.ours)} | {s.against} | {_ms(s.theirs)} | {s.ratio:.2f} |" for s in starts]
    return "\n".join(lines) if starts else ""


def _flat_table(flat: Sequence[tuple[int, float]]) -> str:
    lines = ["| independent jobs | a job costs |", "|--:|--:|"]
    lines += [f"| {jobs:,} | {seconds / jobs * 1000:.2f} ms |" for jobs, seconds in flat]
    return "\n".join(lines) if flat else ""


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"
