"""The drawn graph of a queue with what each job may take, or a table by level where it would be too large."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.model import Job, Queue
from runner.plan import Facts
from runner.report import drawing
from runner.report import plan_words as words
from runner.report.escaping import visible

_ROWS = 60
"""A drawing with more rows says less than a table."""
_NAMES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """A queue as the drawing wants it: numbers. `named` are pairs (job, its handler)."""

    parents: list[list[int]]
    named: list[tuple[int, int]]

    @staticmethod
    def of(queue: Queue) -> _Shape:
        index = {job.job_id: i for i, job in enumerate(queue.jobs)}
        handled = enumerate(job.on_failure for job in queue.jobs)
        return _Shape(
            parents=[[index[parent] for parent in job.depends_on] for job in queue.jobs],
            named=[(i, index[handler]) for i, handler in handled if handler is not None],
        )

    @property
    def handlers(self) -> frozenset[int]:
        return frozenset(handler for _, handler in self.named)

    def merged(self, groups: Sequence[Sequence[int]]) -> _Shape:
        number = {i: n for n, group in enumerate(groups) for i in group}
        return _Shape(
            parents=drawing.merged(self.parents, groups),
            named=[(number[i], number[handler]) for i, handler in self.named],
        )

    def waits_for(self) -> list[list[int]]:
        """With a handler after the jobs that name it, so that it is drawn below them."""
        rows = [list(row) for row in self.parents]
        for job, handler in self.named:
            rows[handler].append(job)
        return rows


def graph_lines(queue: Queue, facts: Facts, width: int) -> Iterator[str]:
    """The drawing if there is one that fits, else the table."""
    columns = _drawing(queue, width // 2)
    if columns:
        yield from aligned(columns, width)
    else:
        yield from _table(facts, width)


def _drawing(queue: Queue, room: int) -> list[tuple[str, ...]]:
    """Twins (same dependencies, same dependents) share a row only where it does not fit otherwise."""
    shape = _Shape.of(queue)
    apart = shape.handlers | {job for job, _ in shape.named}
    for groups in ([[i] for i in range(len(queue.jobs))], drawing.twins(shape.parents, apart)):
        if len(groups) <= _ROWS:
            drawn = _draw(shape.merged(groups), room)
            if drawn:
                return [(row.lanes, *_entry([queue.jobs[i] for i in groups[row.node]])) for row in drawn]
    return []


def _draw(shape: _Shape, room: int) -> list[drawing.Row]:
    for order in (drawing.file_order, drawing.depth_first):
        rows = drawing.draw(shape.parents, order(shape.waits_for()), shape.handlers)
        if rows and len(rows[0].lanes) <= room:
            return rows
    return []


def _entry(jobs: Sequence[Job]) -> tuple[str, str, str]:
    """Name, timeout and notes of a row. What differs between twins is left out."""
    name = jobs[0].job_id
    if len(jobs) > 1:
        name = f"{name} … {jobs[-1].job_id} ({len(jobs)} jobs)"
    return name, _same(words.timeout(job) for job in jobs), _same(_notes(job) for job in jobs)


def _notes(job: Job) -> str:
    notes = (f"{ours} {theirs}".strip() for ours, theirs in words.notes(job))
    return visible(" · ".join(filter(None, (words.attempts(job), *notes))))


def _same(texts: Iterator[str]) -> str:
    first = next(texts)
    return first if all(text == first for text in texts) else "various"


def aligned(rows: Sequence[tuple[str, ...]], width: int) -> Iterator[str]:
    """Columns under each other, two blanks apart; a name may take half of the line."""
    widths = [min(max(len(row[i]) for row in rows), width // 2) for i in range(len(rows[0]))]
    for row in rows:
        cells = (clip(cell, size).ljust(size) for cell, size in zip(row, widths, strict=True))
        yield clip("  ".join(cells).rstrip(), width)


def clip(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def _table(facts: Facts, width: int) -> Iterator[str]:
    yield "level   jobs"
    for number, level in enumerate(facts.levels[:_ROWS], 1):
        names = ", ".join(level[:_NAMES]) + (", …" if len(level) > _NAMES else "")
        yield clip(f"{number:>5}  {len(level):>5,}  {names}", width)
    if len(facts.levels) > _ROWS:
        yield f"    …  {sum(map(len, facts.levels[_ROWS:])):>5,}  in {len(facts.levels) - _ROWS} more levels"
