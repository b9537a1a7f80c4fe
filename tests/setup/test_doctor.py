"""`runner doctor`: each thing that can be missing is found, said with its fix, and nothing else is."""

from __future__ import annotations

import dataclasses
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from runner.clock import SystemClock
from runner.ports import RepositoryFacts, WorkflowFile
from runner.problems import Location, Problem, Severity
from runner.setup import checks, diagnosis, initialise, looking, source
from runner.setup.facts import Caller, Facts, Files, Machine, Online, Repository, Unasked
from runner.setup.findings import Level
from runner.setup.wanted import WORKFLOWS, caller, wanted
from tests.forge_worlds import TOKEN, InDouble, InFiles, furnish
from tests.github_double import Double, serving
from tests.project import Project
from tests.repositories import QUIET, commit_all, git, repository
from tests.snapshots import assert_snapshot
from tests.virtual_time import VirtualTime

SOURCE = source.parse(f"acme/runner@{'a1b2c3d4' * 5}")
TEXTS = {file.path: file.text for file in wanted(SOURCE, "main", example=False)}
MERGE, PLAN = caller("merge"), caller("plan")
MACHINE = Machine(python=(3, 11), git="2.39.5", bash=True, free=80 * 10**9)
REPOSITORY = Repository(
    remote="octo/lab",
    default="main",
    certain=True,
    known=True,
    callers=tuple(Caller(path=caller(w), here=TEXTS[caller(w)], merged=TEXTS[caller(w)]) for w in WORKFLOWS),
    names={"ci": ".github/workflows/ci.yaml"},
    ignored=True,
    unowned=(),
)
ONLINE = Online(
    login="ann",
    repository=RepositoryFacts(id=1, full_name="octo/lab", default_branch="main"),
    workflows=tuple(WorkflowFile(path=caller(workflow), state="active") for workflow in WORKFLOWS),
    actions_enabled=True,
    default_permissions="read",
    fork_approval="first_time_contributors",
    self_hosted_runners=0,
    required_checks=frozenset({"runner/plan"}),
)
WELL = Facts(machine=MACHINE, repository=REPOSITORY, files=Files(queues=2, problems=()), github=ONLINE)
UNSEEN = dataclasses.replace(
    ONLINE,
    workflows=None,
    actions_enabled=None,
    default_permissions=None,
    fork_approval=None,
    self_hosted_runners=None,
    required_checks=None,
)


def with_repository(**changed: Any) -> Facts:
    return dataclasses.replace(WELL, repository=dataclasses.replace(REPOSITORY, **changed))


def with_online(**changed: Any) -> Facts:
    return dataclasses.replace(WELL, github=dataclasses.replace(ONLINE, **changed))


def with_machine(**changed: Any) -> Facts:
    return dataclasses.replace(WELL, machine=dataclasses.replace(MACHINE, **changed))


def with_caller(path: str, **changed: Any) -> Facts:
    return with_repository(
        callers=tuple(
            dataclasses.replace(one, **changed) if one.path == path else one for one in REPOSITORY.callers
        )
    )


def said(facts: Facts) -> list[tuple[Level, str]]:
    """What is not well."""
    return [
        (finding.level, finding.what)
        for _, findings in checks.check(facts)
        for finding in findings
        if finding.level is not Level.OK
    ]


def mistake(number: int, severity: Severity = Severity.ERROR) -> Problem:
    place = Location(file="queues/etl.yaml", line=number, column=3)
    return Problem(
        rule="x", message="`jbos` is no field", hint="did you mean jobs?", severity=severity, location=place
    )


REPLACED = TEXTS[MERGE].replace(f"@{SOURCE.commit}", "@v1")
PUBLIC, PRIVATE = ONLINE.repository, dataclasses.replace(ONLINE.repository, private=True)
STATES = [WorkflowFile(path=caller(w), state="active") for w in WORKFLOWS if w != "reconcile"]
CASES: dict[str, tuple[Facts, list[tuple[Level, str]]]] = {
    "well": (WELL, []),
    "old-python": (with_machine(python=(3, 9)), [(Level.PROBLEM, "Python 3.9")]),
    "no-bash": (with_machine(bash=False), [(Level.PROBLEM, "there is no /bin/bash")]),
    "no-git": (with_machine(git=""), [(Level.PROBLEM, "there is no git")]),
    "full-disk": (with_machine(free=10**6), [(Level.WARNING, "1.0 MB free on the disk")]),
    "no-queue": (
        dataclasses.replace(WELL, files=Files(queues=0, problems=())),
        [(Level.WARNING, "there is no queue")],
    ),
    "mistakes": (
        dataclasses.replace(WELL, files=Files(queues=1, problems=tuple(map(mistake, range(1, 8))))),
        [
            *((Level.PROBLEM, f"queues/etl.yaml:{n}:3: `jbos` is no field") for n in range(1, 6)),
            (Level.PROBLEM, "2 more mistakes"),
        ],
    ),
    "warned": (
        dataclasses.replace(WELL, files=Files(queues=1, problems=(mistake(1, Severity.WARNING),))),
        [(Level.WARNING, "1 warning about settings and queues")],
    ),
    "no-git-repository": (
        dataclasses.replace(WELL, repository=None),
        [(Level.WARNING, "this is not a git repository")],
    ),
    "no-remote": (
        with_repository(remote=""),
        [(Level.WARNING, "there is no remote `origin` on GitHub")],
    ),
    "another-forge": (
        with_repository(remote="", elsewhere="gitlab.com"),
        [(Level.WARNING, "origin is on gitlab.com, not a repository on GitHub")],
    ),
    "not-ignored": (
        with_repository(ignored=False),
        [(Level.WARNING, ".gitignore does not name .runner/")],
    ),
    "unowned": (
        with_repository(unowned=("/.github/", "/templates/")),
        [(Level.WARNING, "CODEOWNERS names nobody for /.github/ and /templates/")],
    ),
    "no-loop": (
        with_repository(
            callers=tuple(Caller(path=one.path, here=None, merged=None) for one in REPOSITORY.callers)
        ),
        [(Level.WARNING, "pull requests are not set up in this repository")],
    ),
    "own-workflows": (
        with_repository(
            callers=tuple(Caller(path=one.path, here=None, merged=None) for one in REPOSITORY.callers),
            names={f"runner {w}": f".github/workflows/{w}.yaml" for w in WORKFLOWS},
        ),
        [],
    ),
    "one-missing": (
        with_caller(MERGE, here=None, merged=None),
        [(Level.PROBLEM, f"{MERGE} is missing")],
    ),
    "not-merged": (with_caller(MERGE, merged=None), [(Level.PROBLEM, f"{MERGE} is not on main")]),
    "none-merged": (
        with_repository(callers=tuple(dataclasses.replace(c, merged=None) for c in REPOSITORY.callers)),
        [(Level.PROBLEM, "5 of our workflows are not on main")],
    ),
    "only-merged": (with_caller(MERGE, here=None), [(Level.WARNING, f"{MERGE} is on main, not here")]),
    "no-commit-yet": (
        with_repository(
            known=False, callers=tuple(dataclasses.replace(c, merged=None) for c in REPOSITORY.callers)
        ),
        [(Level.WARNING, "git knows nothing of main yet")],
    ),
    "changed": (
        with_caller(MERGE, here=TEXTS[MERGE] + "# mine\n"),
        [(Level.WARNING, f"{MERGE} was changed since runner init wrote it")],
    ),
    "foreign": (
        with_caller(MERGE, here="name: mine\n"),
        [(Level.WARNING, f"{MERGE} was not written by runner init")],
    ),
    "not-pinned": (
        with_caller(MERGE, here=REPLACED),
        [
            (Level.WARNING, f"{MERGE} was changed since runner init wrote it"),
            (Level.PROBLEM, f"{MERGE} calls acme/runner/.github/workflows/merge.yaml at v1, not at a commit"),
            (Level.WARNING, "the workflows come from 2 different versions"),
        ],
    ),
    "wrong-branch": (
        with_repository(default="trunk"),
        [(Level.PROBLEM, f"{MERGE} listens to main, and the default branch is trunk")],
    ),
    "branch-not-certain": (with_repository(default="trunk", certain=False), []),
    "same-name": (
        with_repository(names={"runner plan": ".github/workflows/old.yml"}),
        [(Level.PROBLEM, ".github/workflows/old.yml has the name of one of ours, 'runner plan'")],
    ),
    "not-asked": (
        dataclasses.replace(WELL, github=Unasked(why="not asked: GITHUB_TOKEN is not set", fix="set it")),
        [(Level.NOTE, "not asked: GITHUB_TOKEN is not set")],
    ),
    "no-answer": (
        dataclasses.replace(WELL, github=Unasked(why="cannot look: it is down", fix="wait", failed=True)),
        [(Level.PROBLEM, "cannot look: it is down")],
    ),
    "archived": (
        with_online(repository=dataclasses.replace(PUBLIC, archived=True)),
        [(Level.PROBLEM, "the repository is archived")],
    ),
    "disabled": (with_online(actions_enabled=False), [(Level.PROBLEM, "Actions are disabled")]),
    "paused": (
        with_online(workflows=(*STATES, WorkflowFile(path=caller("reconcile"), state="disabled_inactivity"))),
        [(Level.PROBLEM, f"{caller('reconcile')} is paused")],
    ),
    "switched-off": (
        with_online(workflows=(*STATES, WorkflowFile(path=caller("reconcile"), state="disabled_manually"))),
        [(Level.PROBLEM, f"{caller('reconcile')} is disabled manually")],
    ),
    "unknown-there": (
        with_online(workflows=tuple(STATES)),
        [(Level.PROBLEM, f"GitHub knows no workflow {caller('reconcile')}")],
    ),
    "all-unknown-there": (
        with_online(workflows=(WorkflowFile(path=".github/workflows/ci.yaml", state="active"),)),
        [(Level.NOTE, "GitHub knows none of the workflows yet")],
    ),
    "writing-by-default": (
        with_online(default_permissions="write"),
        [(Level.WARNING, "workflows that say nothing get a token that may write")],
    ),
    "lax-with-forks": (
        with_online(fork_approval="first_time_contributors_new_to_github"),
        [(Level.WARNING, "plans start without a click for everybody who is not new to GitHub")],
    ),
    "runners-for-everybody": (
        with_online(self_hosted_runners=1),
        [(Level.PROBLEM, "1 self-hosted runner in a public repository")],
    ),
    "runners-for-few": (
        with_online(self_hosted_runners=2, repository=PRIVATE),
        [(Level.WARNING, "2 self-hosted runners")],
    ),
    "not-required": (
        with_online(required_checks=frozenset({"ci"})),
        [(Level.WARNING, "runner/plan is not a required check of main")],
    ),
    "unseen": (
        dataclasses.replace(WELL, github=UNSEEN),
        [
            (Level.NOTE, f"could not look: {what}")
            for what in (
                "whether Actions are enabled",
                "the state of the workflows",
                "what workflows may do by default",
                "whose pull requests wait for approval",
                "whether there are self-hosted runners",
                "which checks main requires",
            )
        ]
        + [(Level.NOTE, "the token may not read how the repository is administered")],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_is_found_and_nothing_else(name: str) -> None:
    facts, expected = CASES[name]
    assert said(facts) == expected
    assert checks.blocks(checks.check(facts)) is any(level is Level.PROBLEM for level, _ in expected)


@pytest.mark.parametrize("name", CASES)
def test_what_is_not_well_has_a_reason_and_a_fix(name: str) -> None:
    for _, findings in checks.check(CASES[name][0]):
        for finding in findings:
            assert bool(finding.fix) is (finding.level is not Level.OK)
            assert bool(finding.why) is (finding.level in {Level.WARNING, Level.PROBLEM})


def test_the_list_as_people_read_it() -> None:
    facts = dataclasses.replace(
        CASES["not-pinned"][0], files=CASES["mistakes"][0].files, github=CASES["paused"][0].github
    )
    assert_snapshot("doctor/well.txt", diagnosis.text(checks.check(WELL)) + "\n")
    assert_snapshot("doctor/problems.txt", diagnosis.text(checks.check(facts)) + "\n")
    assert_snapshot("doctor/unseen.txt", diagnosis.text(checks.check(CASES["unseen"][0])) + "\n")


def test_foreign_words_neither_colour_the_terminal_nor_begin_a_line() -> None:
    names = {"runner plan": ".github/workflows/\x1b[31m\n  ✓ ok       all is well\u202e.yml"}
    text = diagnosis.text(checks.check(with_repository(names=names)))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert not any(line.startswith("  ✓ ok       all is") for line in text.splitlines())


class TestLooking:
    """In real repositories, by the real command; GitHub is the double."""

    @pytest.fixture
    def lab(self, tmp_path: Path) -> Path:
        """With the loop, committed, and a remote on GitHub that has it."""
        root = repository(tmp_path / "lab")
        request = initialise.Request(root=root, source=SOURCE, branch="main", owner="@octo/ops")
        initialise.carry_out(root, initialise.steps(request))
        commit = commit_all(root)
        git(root, "remote", "add", "origin", "git@github.com:octo/lab.git")
        git(root, "update-ref", "refs/remotes/origin/main", commit)
        return root

    def test_a_repository_as_it_should_be(self, lab: Path) -> None:
        with serving(_set_up(Double(VirtualTime()))) as double:
            environ = {"GITHUB_API_URL": double.api, "GITHUB_TOKEN": TOKEN}
            done = Project(lab, env=QUIET | environ).run("doctor")
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        assert double.violations == []
        assert done.stdout.endswith("Nothing is missing.\n"), done.stdout
        assert TOKEN not in done.stdout

    def test_what_the_token_may_not_see_is_a_note(self, lab: Path) -> None:
        with serving(_set_up(Double(VirtualTime()))) as double:
            double.token(TOKEN, contents="read")
            environ = {"GITHUB_API_URL": double.api, "GITHUB_TOKEN": TOKEN}
            found = looking.ask(environ, "octo/lab", VirtualTime())
        assert isinstance(found, Online)
        assert (found.workflows, found.actions_enabled, found.self_hosted_runners) == (None, None, None)
        assert found.required_checks == {"runner/plan"}

    def test_a_token_that_does_not_work(self, lab: Path) -> None:
        with serving(_set_up(Double(VirtualTime()))) as double:
            environ = {"GITHUB_API_URL": double.api, "GITHUB_TOKEN": "ghp_wrong"}
            done = Project(lab, env=QUIET | environ).run("doctor", "--json")
        found = json.loads(done.stdout)
        assert (done.returncode, found["version"], found["ok"]) == (1, 1, False)
        (problem,) = [one for one in found["findings"] if one["level"] == "problem"]
        assert problem["group"] == "GitHub"
        assert "does not accept the token" in problem["what"]
        assert "ghp_wrong" not in done.stdout + done.stderr

    def test_a_network_without_github(self, lab: Path) -> None:
        with socket.socket() as taken:  # bound, and nobody listens
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            environ = {"GITHUB_API_URL": f"http://127.0.0.1:{port}", "GITHUB_TOKEN": TOKEN}
            began = time.monotonic()
            found = looking.ask(environ, "octo/lab", SystemClock())
        assert time.monotonic() - began < 60
        assert isinstance(found, Unasked)
        assert found.failed
        assert found.why.startswith("GitHub cannot be reached: ")
        assert found.fix == "check the network or proxy, and GITHUB_API_URL if it is set"
        assert TOKEN not in found.why

    def test_another_forge_is_named_without_what_is_secret(self, lab: Path) -> None:
        git(lab, "remote", "set-url", "origin", "https://ann:hunter2@gitlab.example/octo/lab.git")
        facts = looking.look(lab, {}, VirtualTime())
        assert facts.repository is not None
        assert (facts.repository.remote, facts.repository.elsewhere) == ("", "gitlab.example")

    def test_a_forge_of_files_needs_no_token(self, tmp_path: Path) -> None:
        world = InFiles(tmp_path / "forge", VirtualTime())
        world.set_up(
            workflows={f"runner-{w}.yaml": "active" for w in WORKFLOWS},
            fork_approval="all_external_contributors",
            self_hosted_runners=1,
            required={"main": ["ci"]},
        )
        found = looking.ask({"GITHUB_API_URL": (tmp_path / "forge").as_uri()}, "", VirtualTime())
        assert isinstance(found, Online)
        assert [file.path for file in found.workflows or ()] == sorted(caller(w) for w in WORKFLOWS)
        assert (found.self_hosted_runners, found.required_checks) == (1, {"ci"})

    def test_without_a_repository_to_ask_about(self) -> None:
        found = looking.ask({"GITHUB_TOKEN": TOKEN}, "", VirtualTime())
        assert found == Unasked(
            why="not asked: it is not known which repository this is",
            fix="export GITHUB_REPOSITORY=OWNER/NAME",
        )

    def test_the_default_branch_of_github_counts(self, lab: Path) -> None:
        double = _set_up(Double(VirtualTime()))
        double.world.default_branch = "trunk"
        with serving(double):
            environ = {"GITHUB_API_URL": double.api, "GITHUB_TOKEN": TOKEN}
            facts = looking.look(lab, environ, VirtualTime())
        assert facts.repository is not None
        assert (facts.repository.default, facts.repository.certain, facts.repository.known) == (
            "trunk",
            True,
            False,
        )
        assert (Level.PROBLEM, f"{MERGE} listens to main, and the default branch is trunk") in said(facts)

    def test_what_is_wrong_in_the_files(self, lab: Path) -> None:
        (lab / "queues" / "etl.yaml").write_text("jbos: []\n")
        (lab / ".github" / "runner.yaml").write_text("polcy: {}\n")
        (lab / ".github" / "workflows" / "old.yml").write_text("name: runner plan\non: push\n")
        (lab / MERGE).write_text((lab / MERGE).read_text().replace(f"@{SOURCE.commit}", "@main"))
        (lab / PLAN).unlink()
        (lab / PLAN).symlink_to("/etc/hostname")
        facts = looking.look(lab, {}, VirtualTime())
        found = said(facts)
        for level, start in (
            (Level.PROBLEM, "queues/etl.yaml:1:1: "),
            (Level.PROBLEM, ".github/runner.yaml:1:1: "),
            (Level.PROBLEM, ".github/workflows/old.yml has the name of one of ours"),
            (Level.PROBLEM, f"{MERGE} calls acme/runner/.github/workflows/merge.yaml at main"),
            (Level.WARNING, f"{PLAN} is on main, not here"),
        ):
            assert any(one[0] is level and one[1].startswith(start) for one in found), (start, found)

    def test_outside_of_git_it_looks_at_the_rest(self, tmp_path: Path) -> None:
        done = Project(tmp_path, env=QUIET).run("doctor")
        assert done.returncode == 0
        assert "! warning  this is not a git repository" in done.stdout
        assert "✓ ok       /bin/bash is there" in done.stdout

    def test_it_changes_nothing(self, lab: Path) -> None:
        looking.look(lab, {}, VirtualTime())
        assert git(lab, "status", "--porcelain") == ""


def _set_up(double: Double) -> Double:
    InDouble(furnish(double), VirtualTime()).set_up(
        workflows={f"runner-{workflow}.yaml": "active" for workflow in WORKFLOWS},
        fork_approval="first_time_contributors",
        self_hosted_runners=0,
        required={"main": ["runner/plan"]},
    )
    return double


def test_a_fault_of_the_forge_is_no_fault_of_ours() -> None:
    """Whatever the port raises ends as a finding: the rest of the list is still of use."""
    with serving(_set_up(Double(VirtualTime()))) as double:
        double.fail(status=404, operation="repos/get", times=1)
        found = looking.ask({"GITHUB_API_URL": double.api, "GITHUB_TOKEN": TOKEN}, "octo/lab", VirtualTime())
    assert isinstance(found, Unasked)
    assert found.failed
    assert "check the name" in found.fix
