"""What GitHub says of the repository → findings. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from runner.report.wording import counted
from runner.setup.facts import Online, Repository
from runner.setup.findings import Finding, note, ok, problem, warning

CHECK = "runner/plan"
_ACTIONS = "Settings > Actions > General"


def check(found: Online, repository: Repository) -> Iterator[Finding]:
    yield ok(f"the token works: {found.login}, in {found.repository.full_name}")
    yield from _standing(found)
    yield from _actions(found)
    yield from _workflows(found, repository)
    yield from _permissions(found)
    yield from _forks(found)
    yield from _runners(found)
    yield from _required(found)
    if None in (found.actions_enabled, found.default_permissions, found.self_hosted_runners):
        yield note(
            "the token may not read how the repository is administered", "ask with one of an administrator"
        )


def _standing(found: Online) -> Iterator[Finding]:
    if found.repository.archived:
        what = "the repository is archived"
        yield problem(what, "nothing can be written there, and no workflow starts", "Settings > Unarchive")


def _actions(found: Online) -> Iterator[Finding]:
    if found.actions_enabled is None:
        yield _unseen("whether Actions are enabled", _ACTIONS)
    elif not found.actions_enabled:
        what = "Actions are disabled"
        yield problem(what, "no workflow starts", f"{_ACTIONS}; an organisation's policy may come first")
    else:
        yield ok("Actions are enabled")


def _workflows(found: Online, repository: Repository) -> Iterator[Finding]:
    if found.workflows is None:
        yield _unseen("the state of the workflows", "the Actions tab")
        return
    ours = {one.path for one in repository.callers if one.here is not None or one.merged is not None}
    if not ours:
        return  # that they are not there was said
    states = {file.path: file.state for file in found.workflows if file.path in ours}
    for path in sorted(ours - states.keys() if states else ()):
        what = f"GitHub knows no workflow {path}"
        yield problem(what, "it is not on the default branch yet", "commit it, and merge it")
    for path, state in sorted(states.items()):
        if state == "disabled_inactivity":
            why = "GitHub pauses schedules after 60 days without a commit: what was missed stays missed"
            yield problem(f"{path} is paused", why, "the Actions tab: choose the workflow, Enable workflow")
        elif state != "active":
            why = "somebody, or a fork's default, switched it off"
            yield problem(f"{path} is {state.replace('_', ' ')}", why, "the Actions tab: Enable workflow")
    if not states:
        yield note("GitHub knows none of the workflows yet", "bring them to the default branch")
    elif set(states.values()) == {"active"} and len(states) == len(ours):
        yield ok(f"GitHub knows all {len(ours)} workflows, and they are active")


def _permissions(found: Online) -> Iterator[Finding]:
    if found.default_permissions is None:
        yield _unseen("what workflows may do by default", _ACTIONS)
    elif found.default_permissions == "write":
        what = "workflows that say nothing get a token that may write"
        why = "ours name what they need; others in this repository may not"
        yield warning(what, why, f"{_ACTIONS} > Workflow permissions: read")
    else:
        yield ok("workflows that say nothing may only read; ours name what they need")


def _forks(found: Online) -> Iterator[Finding]:
    if found.repository.private:
        return
    if found.fork_approval is None:
        yield _unseen("whose pull requests wait for approval", _ACTIONS)
    elif found.fork_approval == "first_time_contributors_new_to_github":
        what = "plans start without a click for everybody who is not new to GitHub"
        why = (
            "a plan has no rights and no secret, but other workflows of this repository may, and minutes cost"
        )
        yield warning(what, why, f"{_ACTIONS} > Approval for running fork pull request workflows")
    else:
        who = {
            "first_time_contributors": "the first pull request of a contributor waits",
            "all_external_contributors": "every pull request from outside waits",
        }.get(found.fork_approval, found.fork_approval)
        yield ok(f"{who} for somebody's click before it is planned")


def _runners(found: Online) -> Iterator[Finding]:
    if found.self_hosted_runners is None:
        yield _unseen("whether there are self-hosted runners", "Settings > Actions > Runners")
    elif found.self_hosted_runners and not found.repository.private:
        what = f"{counted(found.self_hosted_runners, 'self-hosted runner')} in a public repository"
        why = "anybody's pull request may run code there, and what it leaves behind meets the next job"
        yield problem(what, why, "Settings > Actions > Runners: remove them, or make the repository private")
    elif found.self_hosted_runners:
        what = counted(found.self_hosted_runners, "self-hosted runner")
        why = "jobs of merged queues may run there, and what one leaves behind meets the next"
        yield warning(what, why, "register them as ephemeral ones")
    else:
        yield ok("no self-hosted runners")


def _required(found: Online) -> Iterator[Finding]:
    branch = found.repository.default_branch
    if found.required_checks is None:
        yield _unseen(f"which checks {branch} requires", "Settings > Rules")
    elif CHECK in found.required_checks:
        yield ok(f"{CHECK} must succeed before a merge into {branch}")
    else:
        what = f"{CHECK} is not a required check of {branch}"
        why = "a queue can be merged that is broken, or that nobody has seen the plan of"
        fix = f"Settings > Rules: a ruleset for {branch} that requires a pull request, and {CHECK}"
        yield warning(what, why, fix)


def _unseen(what: str, where: str) -> Finding:
    return note(f"could not look: {what}", f"see {where}")
