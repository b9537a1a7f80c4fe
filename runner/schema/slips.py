"""The commonest slips in a queue file, and what to do about each of them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import Any

from runner.document.scalars import BadScalarError, resolve
from runner.problems import shorten
from runner.schema.samples import sample
from runner.schema.walk import TYPES, Finding
from runner.units import parse_duration

AS_TEXT = "quote it as it should arrive"
_UNITS = {"milli": "ms", "sec": "s", "min": "m", "hour": "h", "hr": "h", "day": "d"}
_IN_WORDS = re.compile(rf"(\d+(?:\.\d+)?)\s*({'|'.join(_UNITS)})[a-z]*", re.ASCII | re.IGNORECASE)
_PARAMS = {
    bool: "{type: boolean, default: true}",
    int: "{type: integer, default: 10}",
    float: "{type: number, default: 0.5}",
    list: "{type: list, default: [a, b]}",
}
_FLAGS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
_OTHER_PROVIDERS = {"aws": "ec2", "amazon": "ec2", "cloud": "ec2", "here": "local", "localhost": "local"}
_PROVIDERS = ("ec2", "local", "batch", "slurm")
_JOBS = "put a job below it, a list item each: `- job_id: NAME`"


def slip(finding: Finding, expected: str) -> str:
    """What to do about the commonest slips."""
    value = finding.value
    if _in_environment(finding):
        return 'write "" for an empty text' if value is None else "a job gets texts: join the parts into one"
    if finding.route[:-1] == ("params",) and not isinstance(value, dict):
        return f"such as `{_PARAMS.get(type(value), '{type: string, default: small}')}`"
    if expected.startswith("a list"):
        return _listed(finding)
    return _of_text(value, finding, expected) if isinstance(value, str) else ""


def _of_text(text: str, finding: Finding, expected: str) -> str:
    if expected == "a duration":
        return _duration(text)
    if expected == "true or false" and text.lower() in _FLAGS:
        return f"write `{_FLAGS[text.lower()]}`, without quotes"
    if expected.startswith("one of"):
        return _choice(text, finding)
    if finding.route == ("machine",):
        return _machine(text)
    return "remove the quotes" if would_fit(finding) else ""


def _duration(text: str) -> str:
    """`1 hour`, `90 minutes and 5 secs` in the short form."""
    if len(text) > 60:
        return ""
    short = " ".join(f"{number}{_UNITS[unit.lower()]}" for number, unit in _IN_WORDS.findall(text))
    rest = _IN_WORDS.sub("", text).lower().replace("and", "").strip(" ,")
    return f"did you mean `{short}`?" if short and not rest and parse_duration(short) is not None else ""


def _choice(text: str, finding: Finding) -> str:
    choices = [c for schema in finding.branches or (finding.schema,) for c in schema.get("enum", ())]
    near = _near(text, choices)
    return f"did you mean `{near}`?" if near else ""


def _machine(text: str) -> str:
    """Its provider alone, or its type alone."""
    near = _near(text, _PROVIDERS)
    if near:
        return f"did you mean `{{provider: {near}}}`?"
    type_ = text if re.fullmatch(r"[a-z]\w*\.\w+", text, re.ASCII) else "m7i.large"
    return f"such as `{{provider: ec2, type: {shorten(type_)}}}`"


def _near(text: str, choices: Sequence[Any]) -> str:
    plain = text[:64].lower()
    if _OTHER_PROVIDERS.get(plain) in choices:
        return _OTHER_PROVIDERS[plain]
    by_lower = {str(choice).lower(): str(choice) for choice in choices}
    near = difflib.get_close_matches(plain, by_lower, n=1, cutoff=0.6)
    return by_lower[near[0]] if near else ""


def _listed(finding: Finding) -> str:
    if finding.route == ("jobs",):
        return _JOBS
    if isinstance(finding.value, dict):
        return "each item of a list begins with `- `"
    if isinstance(finding.value, str) and len(finding.value) < 40:
        return f"put it into brackets: [{shorten(finding.value)}]"
    return ""


def would_fit(finding: Finding) -> bool:
    """Whether the text is one only because of its quotes."""
    try:
        value = resolve(finding.value)
    except BadScalarError:
        return False
    wanted = [b.get("type", "string") for b in finding.branches or (finding.schema,)]
    kinds = {kind for given in wanted for kind in ([given] if isinstance(given, str) else given)}
    return "string" not in kinds and any(TYPES[kind](value) for kind in kinds)


def _in_environment(finding: Finding) -> bool:
    return len(finding.route) > 1 and finding.route[-2] in ("environment", "env")


def holds_the_secret(finding: Finding) -> tuple[str, str] | None:
    """The value itself in the place of its place: never shown."""
    route = finding.route
    if len(route) < 2 or route[-2] != "secrets":
        return None
    message = f"`{shorten(route[-1])}` must name the place where the secret is, never hold the secret itself"
    return message, sample(finding.schema)


def must_be_quoted(finding: Finding) -> tuple[str, str] | None:
    route = finding.route
    if not _in_environment(finding) or not isinstance(finding.value, float | bool):
        return None
    what = "true or false" if isinstance(finding.value, bool) else "a number with a fraction"
    return f"the value of `{shorten(route[-1])}` is {what}, not text", AS_TEXT
