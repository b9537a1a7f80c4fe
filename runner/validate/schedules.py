"""When a queue runs by the clock, and who is told about it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner.problems import Problem, shorten
from runner.validate.facts import Facts

FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST = 500
PART = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d{1,4}))?", re.ASCII)


def schedule(facts: Facts) -> Iterator[Problem]:
    given = facts.fields.get("schedule")
    if given is None and facts.fields.get("run_on") == "schedule":
        message, hint = "the queue runs on a `schedule`, and has none", "add cron lines under `schedule`"
        yield Problem(rule="schedule", message=message, hint=hint, route=("run_on",))
    for index, line in enumerate(given if isinstance(given, list) else [given] if given else []):
        wrong = cron_problem(line)
        if wrong:
            route = ("schedule", index) if isinstance(given, list) else ("schedule",)
            yield Problem(
                rule="schedule", message=wrong, hint="such as `0 3 * * *`: each day at 3:00 UTC", route=route
            )


def cron_problem(line: str) -> str:
    """What is wrong with a cron line of five fields, or ""."""
    if len(line) > _LONGEST:
        return f"a cron line has {_LONGEST} characters at most"
    for text, (name, low, high) in zip(line.split(), FIELDS, strict=True):
        for part in text.split(","):
            match = PART.fullmatch(part)
            ends = [number_of(end, name) for end in match.groups()[:2] if end] if match else [None]
            if any(end is None or not low <= end <= high for end in ends) or (match and match[3] == "0"):
                return f"`{shorten(part, 20)}` is no {name} (from {low} to {high})"
            if len(ends) == 2 and ends[0] is not None and ends[1] is not None and ends[0] > ends[1]:
                return f"`{shorten(part, 20)}` goes backwards"
    return ""


def number_of(text: str, field: str) -> int | None:
    """A number, or the name of a month or day; None for anything else."""
    if text.isdigit():
        return int(text) if len(text) < 5 else None
    names, first = (_MONTHS, 1) if field == "month" else (_DAYS, 0)
    known = field in ("month", "day of week") and text.lower() in names
    return names.index(text.lower()) + first if known else None


def notify(facts: Facts) -> Iterator[Problem]:
    given = facts.fields.get("notify")
    if given and not {"slack", "webhook"} & given.keys():
        message, hint = (
            "`notify` names nobody to tell",
            "add `slack:` or `webhook:` with the secret of its URL",
        )
        yield Problem(rule="notify", message=message, hint=hint, route=("notify",), at_key=True)
