"""The workflow files of the repository: there, on the default branch, ours, pinned, well named? Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from runner import __version__
from runner.setup import marks
from runner.setup.facts import Caller, Repository
from runner.setup.findings import Finding, ok, problem, warning
from runner.setup.wanted import CLOUD, WORKFLOWS, caller
from runner.setup.workflow import USES, may_identify

_BRANCHES = re.compile(r"^    branches: \[(?P<branch>[^,\[\]\n]+)\]\s*$", re.MULTILINE)
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
NAMES = tuple(f"runner {workflow}" for workflow in WORKFLOWS)


def check(repository: Repository) -> Iterator[Finding]:
    there = [one for one in repository.callers if _text(one) is not None]
    if not there and set(NAMES) <= repository.names.keys():
        yield ok("the workflows are this repository's own")
        return
    if not there:
        why = "this machine can run queues; pull requests are not planned, merges run nothing"
        yield warning("pull requests are not set up in this repository", why, "runner init")
        return
    found = [*_unmerged(repository), *_each(repository), *_together(repository)]
    yield from found
    if not found:
        yield ok(f"{len(there)} workflows on {repository.default}, as runner init wrote them, at one commit")


def _unmerged(repository: Repository) -> Iterator[Finding]:
    """One finding for all of them: after `init` it is so of each."""
    there = [one for one in repository.callers if _text(one) is not None]
    paths = [one.path for one in there if one.merged is None]
    if repository.known and paths:
        several = len(paths) > 1
        subject = f"{len(paths)} of our workflows are" if several else f"{paths[0]} is"
        why = (
            "GitHub starts workflows for comments, schedules and finished plans only from the default branch"
        )
        fix = f"commit, and bring {'them' if several else 'it'} to {repository.default}"
        yield problem(f"{subject} not on {repository.default}", why, fix)


def _each(repository: Repository) -> Iterator[Finding]:
    for one in repository.callers:
        text = _text(one)
        if text is None:
            yield _missing(one.path)
            continue
        yield from _placed(one, repository)
        yield from _own(one.path, text)
        yield from _pinned(one.path, text)
        if one.path in {caller("merge"), caller(CLOUD)} and repository.certain:
            yield from _listening(one.path, text, repository.default)
        if one.path == caller(CLOUD) and not may_identify(text):
            what = f"{one.path} has no `id-token: write` among its permissions"
            why = "its jobs cannot prove to AWS who they are"
            yield problem(what, why, "runner init --force writes it as it should be")


def _missing(path: str) -> Finding:
    if path == caller(CLOUD):
        why = "`aws.role` is set, and no workflow uses it: queues for machines of AWS run nowhere"
        return problem(f"{path} is missing", why, "runner init")
    return problem(f"{path} is missing", "the loop has a gap", "runner init")


def _together(repository: Repository) -> Iterator[Finding]:
    if not repository.known:
        what = f"git knows nothing of {repository.default} yet"
        why = "GitHub starts most workflows only from the default branch"
        yield warning(what, why, "commit, and push")
    sources = {
        found["what"].partition("/.github/")[0] + "@" + found["ref"] for found in _all_uses(repository)
    }
    if len(sources) > 1:
        what = f"the workflows come from {len(sources)} different versions"
        yield warning(what, "a plan of one version may not be understood by the next", "runner init")
    for name in sorted(repository.names.keys() & {*NAMES, f"runner {CLOUD}"}):
        what = f"{repository.names[name]} has the name of one of ours, {name!r}"
        why = "workflows listen to each other by name: this one's runs would be taken for ours"
        yield problem(what, why, "rename one of the two, or delete what is left over")


def _text(caller: Caller) -> str | None:
    return caller.here if caller.here is not None else caller.merged


def _pinned(path: str, text: str) -> Iterator[Finding]:
    for found in USES.finditer(text):
        if not _COMMIT.fullmatch(found["ref"]):
            what = f"{path} calls {found['what']} at {found['ref']}, not at a commit"
            why = "whoever moves that name decides what runs here, with the rights of this repository"
            yield problem(what, why, "runner init --force --source OWNER/REPO@SHA")


def _listening(path: str, text: str, default: str) -> Iterator[Finding]:
    """Of what `init` writes; a list that somebody wrote in another way is theirs."""
    found = _BRANCHES.search(text)
    branch = found["branch"].strip("'\"").replace("\\", "") if found else default
    if branch != default:
        what = f"{path} listens to {branch}, and the default branch is {default}"
        yield problem(what, "a merge starts nothing", f"runner init --branch {default}")


def _placed(caller: Caller, repository: Repository) -> Iterator[Finding]:
    if not repository.known:
        return
    if caller.merged is not None and caller.here is None:
        yield warning(
            f"{caller.path} is on {repository.default}, not here", "it still runs there", "git pull"
        )


def _own(path: str, text: str) -> Iterator[Finding]:
    mark = marks.read(text)
    if mark is None:
        what = f"{path} was not written by runner init"
        yield warning(what, "it is not known what it does", "look at it; runner init --force replaces it")
    elif not mark.untouched:
        what = f"{path} was changed since runner init wrote it"
        yield warning(what, "it is no longer brought up to date", "runner init shows the difference")
    elif mark.version != __version__:
        what = f"{path} was written by version {mark.version}; this is {__version__}"
        yield warning(what, "the workflows run the version they name", "runner init brings it up to date")


def _all_uses(repository: Repository) -> Iterator[re.Match[str]]:
    for one in repository.callers:
        yield from USES.finditer(_text(one) or "")
