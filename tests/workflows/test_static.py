"""The rules of the workflows that nothing but GitHub would enforce, read from the files themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.project import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))
CALLERS = sorted((ROOT / "templates/init/workflows").glob("*.yaml"))
ACTION = ROOT / ".github/actions/runner"
STUBS = ROOT / "tests/workflows/stubs"

READ = {"contents": "read"}
WRITE = {"contents": "read", "statuses": "write", "pull-requests": "write", "actions": "read"}
PERMISSIONS: dict[str, dict[str, dict[str, str]]] = {
    "ci": {"checks": READ},
    "plan": {"plan": READ},
    "comment": {"comment": WRITE},
    "merge": {"merge": WRITE},
    "command": {
        "check": READ | {"pull-requests": "read", "statuses": "read", "actions": "read"},
        "command": WRITE,
        "plan": READ | {"pull-requests": "write", "actions": "write", "statuses": "read"},
    },
    "cloud": {"cloud": WRITE | {"actions": "write", "id-token": "write"}},
    "reconcile": {"reconcile": WRITE},
}
TRIGGERS = {
    "ci": {"push", "pull_request"},
    "plan": {"pull_request", "merge_group", "workflow_dispatch", "workflow_call"},
    "comment": {"workflow_run", "workflow_call"},
    "merge": {"push", "workflow_dispatch", "workflow_call"},
    "command": {"issue_comment", "workflow_call"},
    "reconcile": {"schedule", "workflow_dispatch", "workflow_call"},
    "cloud": {"push", "schedule", "workflow_dispatch", "workflow_call"},
}
SELF = "$/.github/actions/runner"
PINNED = re.compile(r"[a-z-]+/[a-z-]+@[0-9a-f]{40}")


@cache
def loaded(path: Path) -> Any:
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 2)  # type: ignore[assignment]  # `on` is a word there, not true
    return yaml.load(path.read_text())


def jobs() -> Iterator[tuple[str, str, Any]]:
    for path in WORKFLOWS:
        for name, job in loaded(path)["jobs"].items():
            yield path.stem, name, job


def steps() -> Iterator[tuple[str, Any]]:
    for workflow, name, job in jobs():
        yield from ((f"{workflow}.{name}", step) for step in job["steps"])


def test_each_job_has_exactly_its_rights_and_none_are_given_to_all() -> None:
    found: dict[str, dict[str, dict[str, str]]] = {}
    for workflow, name, job in jobs():
        found.setdefault(workflow, {})[name] = job["permissions"]
    assert found == PERMISSIONS
    assert [path.stem for path in WORKFLOWS if loaded(path)["permissions"] != {}] == []


def test_a_workflow_is_started_by_its_events_alone_and_by_callers() -> None:
    assert {path.stem: set(loaded(path)["on"]) for path in WORKFLOWS} == TRIGGERS


def test_the_plan_of_a_pull_request_always_reports() -> None:
    assert loaded(ROOT / ".github/workflows/plan.yaml")["on"]["pull_request"] is None  # no `paths`


def test_the_comment_listens_to_the_plan_by_its_name() -> None:
    listens = loaded(ROOT / ".github/workflows/comment.yaml")["on"]["workflow_run"]
    assert listens == {
        "workflows": [loaded(ROOT / ".github/workflows/plan.yaml")["name"]],
        "types": ["completed"],
    }


def test_every_job_ends_and_tells_its_group_what_to_do_with_a_second_one() -> None:
    for workflow, name, job in jobs():
        assert 0 < job["timeout-minutes"] <= 360, (workflow, name)
        assert set(job["concurrency"]) == {"group", "cancel-in-progress"}, (workflow, name)


def test_a_run_is_never_cancelled_by_another() -> None:
    """Not in progress, nor while it waits: two that wait in one group would be one too many."""
    groups = {name: job["concurrency"] for workflow, name, job in jobs() if workflow != "ci"}
    assert {name for name, one in groups.items() if one["cancel-in-progress"] is not False} == {"plan"}
    assert groups["plan"]["cancel-in-progress"] == "${{ github.event_name == 'pull_request' }}"
    assert groups["merge"]["group"].endswith(
        "${{ github.event_name == 'push' && github.sha || github.run_id }}"
    )
    assert groups["command"]["group"].endswith("${{ github.event.comment.id }}")


def test_runs_have_time_left_to_be_kept_when_they_are_cut_off() -> None:
    for _, name, job in jobs():
        at_work = [step for step in job["steps"] if "timeout-minutes" in step]
        kept = any(
            step.get("with", {}).get("name") in {"runner-runs", "runner-cloud-cursor"}
            for step in job["steps"]
        )
        assert len(at_work) == kept, name
        assert all(step["timeout-minutes"] <= job["timeout-minutes"] - 10 for step in at_work), name


def test_actions_are_ours_or_pinned_with_their_version_beside_them() -> None:
    for path in WORKFLOWS:
        used = re.findall(r"^ +uses: (\S+)(.*)$", path.read_text(), re.MULTILINE)
        assert used, path
        for action, beside in used:
            assert action == SELF or (
                PINNED.fullmatch(action) and re.fullmatch(r" # v\d+\.\d+\.\d+", beside)
            ), action


def test_an_action_has_one_version_in_all_workflows() -> None:
    found = {step["uses"] for _, step in steps() if "uses" in step}
    assert len({one.partition("@")[0] for one in found}) == len(found)


def test_the_actions_are_given_only_what_their_stand_ins_know() -> None:
    """A stand-in of the `act` tier declares what it does: anything else would go untested."""
    for place, step in steps():
        name = step.get("uses", "").partition("@")[0]
        if name.startswith("actions/") and not place.startswith("ci."):
            known = loaded(STUBS / name.removeprefix("actions/") / "action.yaml")["inputs"]
            assert set(step["with"]) <= set(known), (place, name)


def test_the_stand_in_of_our_action_gives_what_it_gives() -> None:
    given = [set(loaded(place / "action.yaml")["outputs"]) for place in (ACTION, STUBS / "runner")]
    assert given[0] == given[1]


def test_no_checkout_leaves_a_credential() -> None:
    found = [step for _, step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert found
    assert all(step["with"]["persist-credentials"] is False for step in found)


def test_every_checkout_is_of_the_commit_of_the_event() -> None:
    """For what a workflow with rights is started by, that is a commit of the default branch."""
    for place, step in steps():
        if step.get("uses", "").startswith("actions/checkout@") and place != "ci.checks":
            assert step["with"]["ref"] == "${{ github.sha }}", place


def test_expressions_never_reach_a_shell() -> None:
    ran = [step["run"] for _, step in steps() if "run" in step]
    ran += [step["run"] for step in loaded(ACTION / "action.yaml")["runs"]["steps"]]
    assert len(ran) > len(WORKFLOWS)
    assert [one for one in ran if "${{" in one] == []


def test_the_program_runs_isolated() -> None:
    called = [step["run"] for _, step in steps() if "PYTHON" in step.get("env", {})]
    assert len(called) >= len(PERMISSIONS)
    assert [one for one in called if not one.removeprefix("exec ").startswith('"$PYTHON" -I ')] == []


def test_the_token_is_given_to_the_steps_that_speak_to_github_and_to_nobody_else() -> None:
    given = {}
    for place, step in steps():
        if "github.token" in str(step) or "GITHUB_TOKEN" in str(step):
            given.setdefault(place, []).append(step["name"])
    assert given == {
        "comment.comment": ["Fetch the plan", "Comment"],
        "merge.merge": ["Run and publish"],
        "command.check": ["Check the permission"],
        "command.command": ["Do it"],
        "command.plan": ["Ask for it"],
        "reconcile.reconcile": ["Reconcile"],
        "cloud.cloud": ["Launch and follow"],
    }
    assert all("env" not in job for _, _, job in jobs())
    assert all("env" not in loaded(path) for path in WORKFLOWS)


@pytest.mark.parametrize(
    "word", ["secrets", "cache", "pull_request_target", "github.event.pull_request.head"]
)
def test_no_workflow_asks_for(word: str) -> None:
    texts = {path.name: str(loaded(path)) for path in [*WORKFLOWS, ACTION / "action.yaml"]}
    assert [name for name, text in texts.items() if word in text] == []


def test_an_identity_is_for_the_one_workflow_that_reaches_into_the_cloud() -> None:
    """And no job of a queue runs there."""
    asks = {path.name for path in [*WORKFLOWS, *CALLERS] if "id-token" in str(loaded(path))}
    assert asks == {"cloud.yaml", "runner-cloud.yaml"}
    ran = [step.get("run", "") for place, step in steps() if place == "cloud.cloud"]
    assert [one for one in ran if one] == ['exec "$PYTHON" -I -m runner github cloud']


def test_the_only_exceptions_of_the_linter_are_the_two_triggers_with_a_reason() -> None:
    found = {}
    for path in [*sorted((ROOT / ".github").rglob("*")), *CALLERS]:
        if path.is_file():
            found |= {
                (path.name, *one): 1
                for one in re.findall(r"(\w+): # zizmor: ignore\[(.+?)\] \w+", path.read_text())
            }
            assert path.suffix == ".txt" or path.read_text().count("zizmor:") <= 1
    rule = "dangerous-triggers"
    assert set(found) == {
        ("comment.yaml", "workflow_run", rule),
        ("runner-comment.yaml", "workflow_run", rule),
        ("command.yaml", "issue_comment", rule),
        ("runner-command.yaml", "issue_comment", rule),
    }


# What `runner init` writes has to fit what it calls.


def test_a_caller_has_the_name_and_the_events_of_what_it_calls() -> None:
    assert [path.stem for path in CALLERS] == [
        f"runner-{path.stem}" for path in WORKFLOWS if path.stem != "ci"
    ]
    for path in CALLERS:
        caller, called = loaded(path), loaded(ROOT / ".github/workflows" / path.name.removeprefix("runner-"))
        events = {name: event for name, event in called["on"].items() if name != "workflow_call"}
        if "push" in events:
            events["push"] = {"branches": ["__BRANCH__"]}
        assert caller["name"] == called["name"]
        assert caller["on"] == events


def test_a_caller_grants_what_it_calls_needs_and_no_more() -> None:
    for path in CALLERS:
        ((_, job),) = loaded(path)["jobs"].items()
        wanted: dict[str, str] = {}
        for needed in PERMISSIONS[path.stem.removeprefix("runner-")].values():
            wanted |= {name: right for name, right in needed.items() if wanted.get(name) != "write"}
        assert job["permissions"] == wanted, path.name
        assert loaded(path)["permissions"] == {}
        assert "secrets" not in job
        assert "concurrency" not in job, "the one in what it calls would wait for this one"
