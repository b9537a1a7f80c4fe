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
_BYTES = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp])(i?)(?:b|bytes?)?", re.ASCII | re.IGNORECASE)
_MONEY = re.compile(r"[$€]?\s*(\d+(?:\.\d+)?)\s*(?:[$€]|usd|dollars?)?", re.ASCII | re.IGNORECASE)
_ABOUT_A_REGION = re.compile(r"([a-z]{2}(?:-[a-z]{1,20}){1,3})-?(\d)", re.ASCII)
_PARAMETER = re.compile(r"arn:[a-z-]+:ssm:[a-z0-9-]*:\d*:parameter(/\S+)", re.ASCII)
_LONGEST = 120
"""Letters of a text that is looked at for what may be meant."""
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
    if expected == "a mapping" and isinstance(value, list) and not sample(finding.schema):
        return "write its fields without `- `, a line each: `name: value`"
    return _of_text(value, finding, expected) if isinstance(value, str) else ""


def _of_text(text: str, finding: Finding, expected: str) -> str:
    if expected in _SHORTER:
        return _SHORTER[expected](text) if len(text) <= _LONGEST else ""
    if finding.route[-1:] == ("region",):
        return _region(text)
    if expected == "true or false" and text.lower() in _FLAGS:
        return f"write `{_FLAGS[text.lower()]}`, without quotes"
    if expected.startswith("one of"):
        return _choice(text, finding)
    if finding.route == ("machine",):
        return _machine(text)
    return "remove the quotes" if would_fit(finding) else ""


def _duration(text: str) -> str:
    """`1 hour`, `90 minutes and 5 secs` in the short form."""
    short = " ".join(f"{number}{_UNITS[unit.lower()]}" for number, unit in _IN_WORDS.findall(text))
    rest = _IN_WORDS.sub("", text).lower().replace("and", "").strip(" ,")
    return f"did you mean `{short}`?" if short and not rest and parse_duration(short) is not None else ""


def _size(text: str) -> str:
    """`100 gb`, `16g`, `10 GiB` in the form that is known."""
    found = _BYTES.fullmatch(text.strip())
    return f"did you mean `{found[1]}{found[2].upper()}{found[3].lower()}B`?" if found else ""


def _amount(text: str) -> str:
    """`$10`, `10 USD`."""
    found = _MONEY.fullmatch(text.strip())
    return f"write the number alone: `{found[1]}`" if found else ""


def _region(text: str) -> str:
    """`us-east-1a`, which is a zone, `us_east_1`, `us-east1`."""
    found = _ABOUT_A_REGION.match(text[:_LONGEST].lower().replace("_", "-"))
    return f"did you mean `{found[1]}-{found[2]}`?" if found else ""


_SHORTER = {"a duration": _duration, "a size": _size, "a number of at least 0": _amount}


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
    """The value itself in the place of its place: never shown. What begins as a place does is none."""
    route = finding.route
    if len(route) < 2 or route[-2] != "secrets":
        return None
    place = _place(finding.value) if isinstance(finding.value, str) else ""
    if place and re.fullmatch(finding.branches[0]["pattern"], place):
        return f"`{shorten(route[-1])}` is not the place of a secret", f'did you mean `"{place}"`?'
    message = f"`{shorten(route[-1])}` must name the place where the secret is, never hold the secret itself"
    return message, sample(finding.schema)


def _place(text: str) -> str:
    """What may be meant: `SSM:/a`, `ssm:a`, `ssm:/a/`, `arn:aws:ssm:…:parameter/a`; "" where nothing is."""
    if len(text) > _LONGEST:
        return ""
    kind, _, rest = text.strip().partition(":")
    if arn := _PARAMETER.fullmatch(text.strip()):
        return f"ssm:{arn[1]}"
    if kind.lower() == "ssm":
        return f"ssm:/{rest.strip().strip('/')}"
    if kind.lower() in {"secretsmanager", "secrets-manager", "secrets_manager"}:
        return f"secretsmanager:{rest.strip().rstrip('#')}"
    return f"env:{rest.strip()}" if kind.lower() == "env" else ""


def must_be_quoted(finding: Finding) -> tuple[str, str] | None:
    route = finding.route
    if not _in_environment(finding) or not isinstance(finding.value, float | bool):
        return None
    what = "true or false" if isinstance(finding.value, bool) else "a number with a fraction"
    return f"the value of `{shorten(route[-1])}` is {what}, not text", AS_TEXT
