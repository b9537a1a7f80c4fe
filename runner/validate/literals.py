"""Secrets that are written into the file. The value itself is never shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from runner.problems import Problem, Route, Severity, shorten
from runner.validate.facts import Facts

_NAMES = frozenset(
    {"TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "SECRETS", "APIKEY", "CREDENTIAL", "CREDENTIALS"}
)
_PLACE = re.compile(
    r"[~./]|\w+:/|\$|.*\.(?:pem|key|json|txt|ya?ml)$|(?:true|false|yes|no|none|null)$", re.IGNORECASE
)
_FORMATS = re.compile(
    r"""
    \b(?:AKIA|ASIA)[0-9A-Z]{16}\b | \bgh[pousr]_[0-9A-Za-z]{36} | \bgithub_pat_[0-9A-Za-z_]{22}
    | \bglpat-[0-9A-Za-z_-]{20} | \bxox[abeprs]-[0-9A-Za-z-]{10} | \bsk-[0-9A-Za-z_-]{20}
    | \bAIza[0-9A-Za-z_-]{35}
    | \bnpm_[0-9A-Za-z]{36} | \bpypi-AgE[0-9A-Za-z_-]{20} | \bhf_[0-9A-Za-z]{30}
    | \beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10}
    | hooks\.slack\.com/services/T[0-9A-Z]+/ | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----
    """,
    re.VERBOSE,
)
_STARTS = re.compile(
    r"AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox|sk-|AIza|npm_|pypi-|hf_|eyJ|slack\.com|-----BEGIN"
)
"""What every one of these has: a quick look at texts of which hardly any is one."""


def literal_secrets(facts: Facts) -> Iterator[Problem]:
    default = facts.defaults.get("environment")
    if default:
        yield from _in_environment(default, facts.in_defaults("environment"))
    for name, declared in (facts.fields.get("params") or {}).items():
        if _is_token(declared.get("default")):
            yield _found(("params", name, "default"), "the default of this param looks like a secret")
    for job in facts.jobs:
        own = job.fields.get("environment")
        if own:
            yield from _in_environment(own, job.route("environment"))
        command = job.fields.get("command")
        if _is_token(command) or (isinstance(command, list) and any(map(_is_token, command))):
            yield _found(job.route("command"), "this command holds what looks like a secret")


def _in_environment(environment: Mapping[str, Any], route: Route) -> Iterator[Problem]:
    for name, value in environment.items():
        if _is_token(value):
            yield _found((*route, name), f"the value of `{shorten(name)}` looks like a secret")
        elif _is_private(name) and isinstance(value, str) and _is_literal(value):
            yield _found(
                (*route, name), f"`{shorten(name)}` sounds like a secret, and its value is written here"
            )


@lru_cache(maxsize=4096)
def _is_private(name: str) -> bool:
    """By whole words, so that TOKENIZER and MAX_TOKENS pass."""
    words = name.upper().split("_")
    return not _NAMES.isdisjoint(words) or (len(words) > 1 and words[-1] == "KEY")


def _is_literal(value: str) -> bool:
    """Not the name of a file, a switch, a number, or something that is filled in later."""
    text = value.strip()
    return len(text) > 3 and not text.isdigit() and "${" not in text and not _PLACE.match(text[:300])


def _is_token(value: Any) -> bool:
    return isinstance(value, str) and bool(_STARTS.search(value)) and bool(_FORMATS.search(value))


def _found(route: Route, message: str) -> Problem:
    hint = "declare it under `secrets` (`env:NAME`, `ssm:/path`), and replace it where it came from"
    return Problem(rule="literal-secret", message=message, hint=hint, severity=Severity.WARNING, route=route)
