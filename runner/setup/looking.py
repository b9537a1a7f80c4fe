"""The facts that `doctor` judges: from this machine, from git, from the files, and from GitHub."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from runner import checkout as checkouts
from runner import config, document
from runner.config import Config
from runner.errors import ForgeBusyError, ForgeUnreachedError, RunnerError
from runner.forges.opening import open_forge
from runner.ports import Clock, CodeHost
from runner.premises import BASH
from runner.prepare import Prepared, discover, prepare
from runner.problems import Location, Problem
from runner.setup import git, initialise, lines, writing
from runner.setup.aws import looking as aws
from runner.setup.facts import Caller, Facts, Files, Machine, Online, Repository, Unasked
from runner.setup.source import github_repository, host_of
from runner.setup.wanted import CLOUD, WORKFLOWS, caller

_FOLDER = ".github/workflows"
_LARGEST = 1024 * 1024
_PATIENCE = 3.0
"""Seconds: somebody waits for the answer."""


def look(folder: Path, environ: Mapping[str, str], clock: Clock) -> Facts:
    """Everything, of the repository that `folder` is in. Raises nothing for what is wrong there."""
    root = checkouts.find(folder)
    in_git = (root / ".git").exists()
    origin = git.ask(root, "remote", "get-url", "origin") if in_git else ""
    remote = github_repository(origin)
    github = ask(environ, remote, clock)
    said = github.repository.default_branch if isinstance(github, Online) else git.head_of_origin(root)
    settings, problems = config.read(root)
    prepared = _prepared(root, settings, environ)
    machines = [one.queue.machine for one in prepared if one.queue is not None]
    return Facts(
        machine=_machine(root),
        repository=_repository(root, origin, said, cloud=bool(settings.account.role)) if in_git else None,
        files=_files(problems, prepared),
        github=github,
        aws=aws.look(settings, machines) if not problems else None,  # then nothing is known of an account
    )


def _machine(root: Path) -> Machine:
    return Machine(
        python=(sys.version_info.major, sys.version_info.minor),
        git=git.ask(root, "version").removeprefix("git version ").partition(" ")[0],
        bash=os.access(BASH, os.X_OK),
        free=shutil.disk_usage(root).free,
    )


def _repository(root: Path, origin: str, said: str, *, cloud: bool) -> Repository:
    """`said`: the default branch, where somebody said which. `cloud`: there is to be the workflow for it."""
    default = said or git.default_branch(root)
    branches = (f"refs/remotes/origin/{default}", f"refs/heads/{default}")
    known = [ref for ref in branches if git.ask(root, "rev-parse", "--verify", "--quiet", ref)]
    callers = [_caller(root, known, workflow) for workflow in (*WORKFLOWS, CLOUD)]
    if not cloud and callers[-1].here is None and callers[-1].merged is None:
        del callers[-1]
    return Repository(
        remote=github_repository(origin),
        elsewhere=host_of(origin),
        default=default,
        certain=bool(said),
        known=bool(known),
        callers=tuple(callers),
        names=_names(root, {one.path for one in callers}),
        ignored=lines.is_ignored(_text(root, initialise.GITIGNORE) or ""),
        unowned=tuple(lines.unowned(_codeowners(root))),
    )


def _caller(root: Path, known: list[str], workflow: str) -> Caller:
    path = caller(workflow)
    return Caller(path=path, here=_text(root, path), merged=_merged(root, known, path))


def _text(root: Path, name: str) -> str | None:
    """A file of the repository; None where it is not there, or nothing that may be read."""
    try:
        raw = writing.read(root, name)
    except RunnerError:
        return None
    return None if raw is None else raw.decode("utf-8", "replace")


def _merged(root: Path, known: list[str], path: str) -> str | None:
    raw = git.content(root, known[0], path) if known else None
    return None if raw is None else raw.decode("utf-8", "replace")


def _codeowners(root: Path) -> str:
    there = (_text(root, name) for name in lines.CODEOWNERS)
    return next((text for text in there if text is not None), "")


def _names(root: Path, ours: set[str]) -> dict[str, str]:
    """The names of the other workflows."""
    found = {}
    folder = root / _FOLDER
    names = sorted(os.listdir(folder)) if folder.is_dir() else []  # noqa: PTH208  only names are needed
    for path in [f"{_FOLDER}/{name}" for name in names if name.endswith((".yml", ".yaml"))]:
        text = _text(root, path) if path not in ours else None
        parsed = document.parse(text.encode(), path) if text else []
        tree = parsed.tree if not isinstance(parsed, list) else None
        if isinstance(tree, dict) and isinstance(tree.get("name"), str):
            found[tree["name"]] = path
    return found


def _prepared(root: Path, settings: Config, environ: Mapping[str, str]) -> list[Prepared]:
    described = checkouts.describe(root, environ)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    found = []
    for path in discover([], settings, root):
        name = os.path.relpath(path, root)
        try:
            found.append(
                prepare(
                    str(path),
                    checkout=root,
                    environ=environ,
                    git=described,
                    now=now,
                    config=settings,
                    name=name,
                )
            )
        except RunnerError as error:
            place = Location(file=name)
            problem = Problem(rule="unreadable", message=error.message, hint=error.hint, location=place)
            found.append(Prepared(problems=[problem]))
    return found


def _files(problems: list[Problem], prepared: list[Prepared]) -> Files:
    every = [*problems, *(problem for one in prepared for problem in one.problems)]
    return Files(queues=len(prepared), problems=tuple(dict.fromkeys(every)))


def ask(environ: Mapping[str, str], remote: str, clock: Clock) -> Online | Unasked:
    """What GitHub says, where there is a token and a repository to ask about."""
    repository = environ.get("GITHUB_REPOSITORY") or remote
    if urlsplit(environ.get("GITHUB_API_URL", "")).scheme != "file":
        if not environ.get("GITHUB_TOKEN"):
            fix = 'to look there too: GITHUB_TOKEN="$(gh auth token)" runner doctor'
            return Unasked(why="not asked: GITHUB_TOKEN is not set", fix=fix)
        if not repository:
            fix = "export GITHUB_REPOSITORY=OWNER/NAME"
            return Unasked(why="not asked: it is not known which repository this is", fix=fix)
    try:
        forge = open_forge({**environ, "GITHUB_REPOSITORY": repository}, clock=clock, patience=_PATIENCE)
        try:
            return _online(forge)
        finally:
            forge.close()
    except ForgeBusyError as error:
        return Unasked(why=error.message, fix="ask again then", failed=True)
    except ForgeUnreachedError as error:
        fix = "check the network or proxy, and GITHUB_API_URL if it is set"
        return Unasked(why=f"GitHub cannot be reached: {error.message}", fix=fix, failed=True)
    except RunnerError as error:
        return Unasked(why=error.message, fix=error.hint, failed=True)


def _online(forge: CodeHost) -> Online:
    found = forge.repository()
    workflows = forge.workflows()
    return Online(
        login=forge.login(),
        repository=found,
        workflows=None if workflows is None else tuple(workflows),
        actions_enabled=forge.actions_enabled(),
        default_permissions=forge.default_permissions(),
        fork_approval=None if found.private else forge.fork_approval(),
        self_hosted_runners=forge.self_hosted_runners(),
        required_checks=forge.required_checks(found.default_branch),
        token_subject=forge.token_subject(),
    )
