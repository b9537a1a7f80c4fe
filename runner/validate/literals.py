"""Secrets that are written into the file. The value itself is never shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from runner.problems import Problem, Route, Severity, shorten
from runner.validate.facts import Facts, JobAt, environment_route, environments

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
_STARTS = (
    *("AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "sk-", "AIza"),
    *("npm_", "pypi-", "hf_", "eyJ", "slack.com", "-----BEGIN"),
)
"""One of these is in every one of those: a quick look at texts of which hardly any is one."""


def literal_secrets(facts: Facts) -> Iterator[Problem]:
    for name, declared in (facts.fields.get("params") or {}).items():
        if _is_token(declared.get("default")):
            yield _found(("params", name, "default"), "the default of this parameter looks like a secret")
    # One look at all texts together: hardly any file holds something like a token.
    everything = "\n".join(_texts(facts))
    if any(start in everything for start in _STARTS):
        yield from _tokens(facts)
    for job, environment in environments(facts):
        for name, value in environment.items():
            if _is_private(name) and isinstance(value, str) and _is_literal(value) and not _is_token(value):
                message = f"`{shorten(name)}` sounds like a secret, and its value is written here"
                yield _found(environment_route(facts, job, name), message)


def _texts(facts: Facts) -> Iterator[str]:
    for _, environment in environments(facts):
        yield from (value for value in environment.values() if value.__class__ is str)
    for job in facts.jobs:
        yield from _words(job)


def _words(job: JobAt) -> list[str]:
    command = job.fields.get("command")
    if isinstance(command, str):
        return [command]
    return [word for word in command if isinstance(word, str)] if isinstance(command, list) else []


def _tokens(facts: Facts) -> Iterator[Problem]:
    for job, environment in environments(facts):
        for name, value in environment.items():
            if _is_token(value):
                message = f"the value of `{shorten(name)}` looks like a secret"
                yield _found(environment_route(facts, job, name), message)
    for job in facts.jobs:
        if any(map(_is_token, _words(job))):
            yield _found(job.route("command"), "this command holds what looks like a secret")


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
    if not isinstance(value, str) or not any(start in value for start in _STARTS):
        return False
    return _FORMATS.search(value) is not None


def _found(route: Route, message: str) -> Problem:
    hint = 'declare it under `secrets` (`"env:NAME"`, `"ssm:/path"`), and replace it where it came from'
    return Problem(rule="literal-secret", message=message, hint=hint, severity=Severity.WARNING, route=route)
