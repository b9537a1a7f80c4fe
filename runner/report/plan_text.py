"""A plan for the terminal: the drawn graph with what each job may take, then bound, changes, warnings."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from runner.plan import Preview
from runner.report import cost_words, drawing, plan_machine
from runner.report import plan_words as words
from runner.report.escaping import visible
from runner.report.graph_text import clip, graph_lines

_NARROWEST = 40
_CHANGES = 100


def plan_text(preview: Preview, *, width: int = 100, unicode: bool = True) -> str:
    """The report, at most `width` columns wide, in ASCII where the terminal has no more. Ends with a newline.

    Warnings of the validation are not in it: the door shows those as problems, with their places.
    """
    width = max(_NARROWEST, width)
    text = "".join(f"{line.rstrip()}\n" for line in _lines(preview, width))
    return text if unicode else drawing.plain(text)


def _lines(preview: Preview, width: int) -> Iterator[str]:
    queue, bound = preview.plan.queue, preview.facts.bound
    name = "" if queue.queue_name == queue.queue_id else f" ({visible(queue.queue_name)})"
    yield from _wrapped(f"{queue.queue_id}{name}: {words.verdict(preview)}", "", width)
    yield clip(f"file    {visible(preview.plan.source)}", width)
    yield f"digest  {preview.plan.digest}"  # whole, however narrow the terminal: it is there to be copied
    starts = words.starts(queue, visible)
    if starts:
        yield from _wrapped(starts, "runs    ", width)
    turns = words.turns(queue, visible)
    if turns:
        yield from _wrapped(turns, "turns   ", width)
    machine = plan_machine.machine(preview, visible)
    if machine:
        yield from _wrapped(machine, "machine ", width)
    yield ""
    yield from graph_lines(queue, preview.facts, width)
    yield ""
    path = f"{' → '.join(words.critical_ids(preview))} ({words.critical_length(preview)})"
    yield from _wrapped(path, "critical path  ", width)
    if bound.seconds is not None:
        yield from _wrapped(f"{words.at_most(bound)} ({words.bound_reason(bound)})", "bound on time  ", width)
    if preview.cost is not None:
        yield from _wrapped(cost_words.sentence(preview.cost, visible), "bound on cost  ", width)
    again = plan_machine.again(preview, visible)
    if again:
        yield from _wrapped(again, "machine lost   ", width)
    yield from _changes(preview, width)
    warnings = words.warnings(preview)
    if warnings:
        yield ""
    for warning in warnings:
        yield from _wrapped(visible(warning), "warning        ", width)


def _wrapped(text: str, label: str, width: int) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=label,
        subsequent_indent=" " * len(label),
        break_on_hyphens=False,
    )


def _changes(preview: Preview, width: int) -> Iterator[str]:
    if preview.changes is None:
        return
    yield ""
    yield words.since(preview.changes) + (f" since {visible(preview.base)}" if preview.base else "")
    lines = list(words.change_lines(preview.changes))
    for change in lines[:_CHANGES]:
        subject = " → ".join(change.job_ids) or change.done
        if change.field is None:
            yield clip(f"  {change.sign} {subject}", width)
            continue
        head = clip(f"  {change.sign} {subject}", width // 2)
        yield from _wrapped(visible(words.field_sentence(change.field)), f"{head}  ", width)
        for line in change.field.diff.splitlines():
            yield clip(f"      {visible(line)}", width)
    if len(lines) > _CHANGES:
        yield f"  … and {len(lines) - _CHANGES} more"
