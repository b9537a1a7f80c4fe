"""What a new version of a queue changes, as a list in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from runner.plan import Changes, FieldChange
from runner.report import plan_words as words
from runner.report.escaping import code, fence


def changes(found: Changes | None, since: str, shown: int) -> str:
    """At most `shown` lines below a headline; "" where nothing was compared. `since` follows the headline."""
    return "" if found is None else "\n".join(_rows(found, since, shown)).rstrip("\n")


def _rows(found: Changes, since: str, shown: int) -> Iterator[str]:
    lines = list(words.change_lines(found))
    yield f"**{words.since(found).capitalize()}{since}**"
    if lines:
        yield ""
    for change in lines[:shown]:
        yield from _change(change)
    if len(lines) > shown:
        yield f"- and {len(lines) - shown} more" if shown else f"{len(lines)} in all"


def _change(change: words.ChangeLine) -> Iterator[str]:
    subject = " → ".join(code(job_id) for job_id in change.job_ids)
    head = f"- {change.done} {subject}".rstrip()
    if change.field is None:
        yield head
    elif change.field.diff:
        yield f"{head}: {code(change.field.field)}"
        yield ""
        # Indented, so that the block belongs to its line of the list.
        yield from (f"  {line}" for line in fence(change.field.diff, "diff").split("\n"))
        yield ""
    else:
        yield f"{head}: {code(change.field.field)} {_values(change.field)}"


def _values(field: FieldChange) -> str:
    if field.hidden:
        return f"{words.hidden(field)} (values are not shown)"
    old, new = (code(value) if value else "nothing" for value in (field.old, field.new))
    return f"{old} → {new}"
