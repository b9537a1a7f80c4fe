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
from runner.errors import ForgeBusyError, ForgeUnreachedError, RunnerError
from runner.forges.opening import open_forge
from runner.ports import Clock, CodeHost
from runner.premises import BASH
from runner.prepare import discover, prepare
from runner.problems import Location, Problem
from runner.setup import git, initialise, lines, writing
from runner.setup.facts import Caller, Facts, Files, Machine, Online, Repository, Unasked
from runner.setup.source import github_repository, host_of
from runner.setup.wanted import WORKFLOWS, caller

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
    return Facts(
        machine=_machine(root),
        repository=_repository(root, origin, said) if in_git else None,
        files=_files(root, environ),
        github=github,
    )


def _machine(root: Path) -> Machine:
    return Machine(
        python=(sys.version_info.major, sys.version_info.minor),
        git=git.ask(root, "version").removeprefix("git version ").partition(" ")[0],
        bash=os.access(BASH, os.X_OK),
        free=shutil.disk_usage(root).free,
    )


def _repository(root: Path, origin: str, said: str) -> Repository:
    """`said`: the default branch, where somebody said which it is."""
    default = said or git.default_branch(root)
    branches = (f"refs/remotes/origin/{default}", f"refs/heads/{default}")
    known = [ref for ref in branches if git.ask(root, "rev-parse", "--verify", "--quiet", ref)]
    paths = [caller(workflow) for workflow in WORKFLOWS]
    return Repository(
        remote=github_repository(origin),
        elsewhere=host_of(origin),
        default=default,
        certain=bool(said),
        known=bool(known),
        callers=tuple(
            Caller(path=path, here=_text(root, path), merged=_merged(root, known, path)) for path in paths
        ),
        names=_names(root, set(paths)),
        ignored=lines.is_ignored(_text(root, initialise.GITIGNORE) or ""),
        unowned=tuple(lines.unowned(_codeowners(root))),
    )


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


def _files(root: Path, environ: Mapping[str, str]) -> Files:
    settings, problems = config.read(root)
    described = checkouts.describe(root, environ)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    queues = discover([], settings, root)
    for path in queues:
        name = os.path.relpath(path, root)
        try:
            problems += prepare(
                str(path), checkout=root, environ=environ, git=described, now=now, config=settings, name=name
            ).problems
        except RunnerError as error:
            place = Location(file=name)
            problems.append(
                Problem(rule="unreadable", message=error.message, hint=error.hint, location=place)
            )
    return Files(queues=len(queues), problems=tuple(dict.fromkeys(problems)))


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
    )
