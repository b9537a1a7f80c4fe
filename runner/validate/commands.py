"""Variables of a command that nothing defines: in a shell they would silently be empty."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from runner.problems import Problem, Severity, shorten
from runner.validate.facts import Facts, JobAt
from runner.validate.nearest import nearest

_ANY = re.compile(r"\$\{?[A-Z_]")
_EXPRESSION = re.compile(r"\$\{\{.*?\}\}", re.DOTALL)
_WORD = re.compile(
    r"""\\.|'[^']*'|"((?:\\.|[^"\\])*)"|(?<!\S)\#[^\n]*|\$\{?([A-Z_][A-Z0-9_]*)(?![a-z])(.?)""", re.DOTALL
)
_INSIDE = re.compile(r"\\.|\$\{?([A-Z_][A-Z0-9_]*)(?![a-z])(.?)", re.DOTALL)
_QUOTED_IN_SUBSTITUTION = re.compile(r"'[^']*'")
_UNKNOWABLE = re.compile(r"(?:^|[\s;&|({])(?:source|eval|\.)\s|<<-?\s*\\?['\"]|\bset\s+-a\b")
"""Constructs that define names out of sight, or texts that a shell does not expand."""
_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "zsh", "ash"})
_DEFAULTED = frozenset("-=+?:")
_KNOWN = frozenset(
    [
        "HOME",
        "PATH",
        "USER",
        "LOGNAME",
        "PWD",
        "OLDPWD",
        "TMPDIR",
        "SHELL",
        "LANG",
        "LANGUAGE",
        "TERM",
        "HOSTNAME",
        "EDITOR",
        "PAGER",
        "MAIL",
        "TZ",
        "COLUMNS",
        "LINES",
        "RANDOM",
        "SRANDOM",
        "SECONDS",
        "LINENO",
        "IFS",
        "UID",
        "EUID",
        "PPID",
        "OPTARG",
        "OPTIND",
        "OPTERR",
        "REPLY",
        "PIPESTATUS",
        "FUNCNAME",
        "HOSTTYPE",
        "OSTYPE",
        "MACHTYPE",
        "SHLVL",
        "DIRSTACK",
        "GROUPS",
        "MAPFILE",
        "COPROC",
        "EPOCHSECONDS",
        "EPOCHREALTIME",
        "CDPATH",
        "PS1",
        "PS2",
        "PS3",
        "PS4",
        "PROMPT_COMMAND",
        "COMP_WORDS",
        "COMP_CWORD",
        "COMPREPLY",
        "QUEUE_ID",
        "JOB_ID",
        "JOB_ATTEMPT",
        "CUDA_VISIBLE_DEVICES",
        "CI",
        "VIRTUAL_ENV",
    ]
)
_KNOWN_PREFIXES = ("RUNNER_", "BASH", "LC_", "XDG_", "GITHUB_", "AWS_", "READLINE_")


def undefined(facts: Facts) -> Iterator[Problem]:
    """`$NAME`, upper case, that neither the queue nor the shell nor the runner's environment defines."""
    for job in facts.jobs:
        command = job.fields.get("command")
        if isinstance(command, str) and _ANY.search(command) and _is_shell(facts.value(job, "shell")):
            yield from _of(facts, job, _EXPRESSION.sub("", command))


def _of(facts: Facts, job: JobAt, command: str) -> Iterator[Problem]:
    if _UNKNOWABLE.search(command):
        return
    declared = _declared(facts, job)
    for name in dict.fromkeys(_names(command)):
        known = name in declared or name in _KNOWN or name.startswith(_KNOWN_PREFIXES)
        if known or name in facts.environ or _mentioned(name, command):
            continue
        near = nearest(name, declared)
        hint = f"did you mean ${near}?" if near else "declare it under `environment` or `secrets`"
        message = f"nothing defines ${shorten(name)}: the shell would put an empty text in its place"
        severity = Severity.WARNING
        yield Problem(
            rule="undefined-variable",
            message=message,
            hint=hint,
            severity=severity,
            route=job.route("command"),
            near=f"${{{name}" if f"${{{name}" in command else f"${name}",
        )


def _declared(facts: Facts, job: JobAt) -> set[str]:
    sources = (facts.defaults, job.fields)
    return {
        name for fields in sources for kind in ("environment", "secrets") for name in fields.get(kind) or ()
    }


def _names(command: str) -> Iterator[str]:
    """Names that the shell replaces: not in 'single quotes' or comments, not those with a `:-default`."""
    for match in _WORD.finditer(command):
        if match[2]:
            yield from _unless_defaulted(match)
        elif match[1]:
            inner = match[1]
            if "$(" in inner or "`" in inner:
                inner = _QUOTED_IN_SUBSTITUTION.sub("", inner)
            for found in _INSIDE.finditer(inner):
                yield from _unless_defaulted(found)


def _unless_defaulted(match: re.Match[str]) -> Iterator[str]:
    *_, name, following = match.groups()
    braced = match[0].startswith("${")
    if name and not (braced and following in _DEFAULTED):
        yield name


def _mentioned(name: str, command: str) -> bool:
    """The bare word: an assignment, `for NAME in`, `read NAME`, `export NAME`…"""
    return re.search(rf"(?<![\w$])(?<!\$\{{){name}(?!\w)", command) is not None


def _is_shell(shell: Any) -> bool:
    if shell is None:
        return True
    return isinstance(shell, list) and bool(shell) and PurePosixPath(str(shell[0])).name in _SHELLS
