"""Facts → findings: what is well, what may surprise, what stops something, each with reason and fix. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runner.problems import Problem, Severity
from runner.setup import caller_checks, github_checks
from runner.setup.aws import checks as aws_checks
from runner.setup.facts import Facts, Files, Machine, Repository, Unasked
from runner.setup.findings import Finding, Level, note, ok, problem, warning
from runner.units import format_size

OLDEST = (3, 11)
ROOM = 1024**3
"""Bytes that ought to be free: logs and results stay in the checkout."""
_SHOWN = 5
Group = tuple[str, list[Finding]]


def check(facts: Facts) -> list[Group]:
    """The findings, in groups with a heading."""
    groups: list[Group] = [
        ("This machine", list(_machine(facts.machine))),
        ("Settings and queues", list(_files(facts.files))),
    ]
    if facts.repository is None:
        why = "runs work here; plans in pull requests need a repository"
        groups += [("The repository", [warning("this is not a git repository", why, "git init -b main")])]
        return [*groups, *aws_checks.check(facts)]
    groups += [
        ("The repository", list(_repository(facts.repository))),
        ("Workflows", list(caller_checks.check(facts.repository))),
        ("GitHub", list(_github(facts))),
    ]
    return [*groups, *aws_checks.check(facts)]


def blocks(groups: Sequence[Group]) -> bool:
    """Whether anything is a problem."""
    return any(finding.level is Level.PROBLEM for _, findings in groups for finding in findings)


def _machine(machine: Machine) -> Iterator[Finding]:
    version = ".".join(map(str, machine.python))
    if machine.python >= OLDEST:
        yield ok(f"Python {version}")
    else:
        yield problem(f"Python {version}", "the program is written for 3.11 and newer", "install a newer one")
    if machine.bash:
        yield ok("/bin/bash is there")
    else:
        fix = "install bash, or set `shell: [/bin/sh, -c]` in the `defaults` of queues"
        yield problem("there is no /bin/bash", "jobs run in it unless their queue says otherwise", fix)
    if machine.git:
        yield ok(f"git {machine.git}")
    else:
        yield problem("there is no git", "plans name commits, and compare with the base", "install git")
    if machine.free >= ROOM:
        yield ok(f"{format_size(machine.free)} free on the disk")
    else:
        what = f"{format_size(machine.free)} free on the disk"
        yield warning(what, "logs and results are kept in .runner/", "make room; old runs may be deleted")


def _files(files: Files) -> Iterator[Finding]:
    errors = [p for p in files.problems if p.severity is Severity.ERROR]
    warnings = [p for p in files.problems if p.severity is Severity.WARNING]
    for one in errors[:_SHOWN]:
        yield problem(_place(one), "nothing runs from a file with mistakes", one.hint or "runner validate")
    if len(errors) > _SHOWN:
        yield problem(f"{len(errors) - _SHOWN} more mistakes", "they are like those above", "runner validate")
    if warnings:
        many = f"{len(warnings)} warning{'s' if len(warnings) > 1 else ''} about settings and queues"
        yield warning(many, "they may not do what they seem to", "runner validate")
    if not files.queues:
        yield warning(
            "there is no queue", "so there is nothing to run", "runner template list, or runner init"
        )
    elif not errors:
        yield ok(f"{files.queues} queue{'s' if files.queues > 1 else ''} and the settings without a mistake")


def _place(found: Problem) -> str:
    return f"{found.location}: {found.message}" if found.location else found.message


def _repository(repository: Repository) -> Iterator[Finding]:
    if repository.remote:
        yield ok(f"origin is {repository.remote}, its default branch {repository.default}")
    elif repository.elsewhere:
        what = f"origin is on {repository.elsewhere}, not a repository on GitHub"
        why = "queues run here; the loop with pull requests runs on GitHub only"
        yield warning(what, why, "for the loop, have the repository on GitHub and name it as origin")
    else:
        what = "there is no remote `origin` on GitHub"
        yield warning(what, "the loop runs where pull requests are", "git remote add origin ADDRESS")
    if repository.ignored:
        yield ok("git ignores .runner/")
    else:
        why = "logs of runs on this machine could be committed, with what jobs printed"
        yield warning(".gitignore does not name .runner/", why, "runner init, or add the line .runner/")
    if repository.unowned:
        what = f"CODEOWNERS names nobody for {' and '.join(repository.unowned)}"
        why = "who changes these decides what runs, and with which rights"
        yield warning(what, why, "runner init --owner @ORG/TEAM")
    else:
        yield ok("CODEOWNERS covers /.github/ and /templates/")


def _github(facts: Facts) -> Iterator[Finding]:
    assert facts.repository is not None  # noqa: S101  for the type checker
    found = facts.github
    if not isinstance(found, Unasked):
        yield from github_checks.check(found, facts.repository)
    elif found.failed:
        yield problem(found.why, "so nothing is known of the settings there", found.fix)
    else:
        yield note(found.why, found.fix)
