"""What a review shows is what its digest covers: the symbolic plan, and the digest of several in a status."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner import plan as plans
from runner.gitops.plan.digests import (
    CONTEXT,
    LONGEST,
    agreed,
    combined,
    description,
    digest_in,
    newest,
    reviewed,
)
from runner.model import Git, Job, Machine, Queue
from runner.plan import from_json, to_json
from runner.plan.digest import digest_of
from runner.ports import Status
from runner.prepare import prepare
from runner.problems import Route
from tests.builders import job, plan, queue
from tests.plan_examples import queues

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
BOT = "github-actions[bot]"
RAW = "${{ git.sha }}"


class TestCombined:
    def test_of_one_it_is_its_own(self) -> None:
        assert combined([("queues/a.yaml", ONE)]) == ONE

    def test_of_none_there_is_none(self) -> None:
        assert combined([]) == ""

    def test_of_several_the_order_does_not_count_and_everything_else_does(self) -> None:
        pairs = [("queues/a.yaml", ONE), ("queues/b.yaml", TWO)]
        both = combined(pairs)
        assert both == combined(pairs[::-1]) == combined([("queues/b.yaml", TWO), ("queues/a.yaml", ONE)])
        others = [
            [("queues/a.yaml", TWO), ("queues/b.yaml", ONE)],
            [("queues/c.yaml", ONE), ("queues/b.yaml", TWO)],
            [*pairs, ("queues/c.yaml", ONE)],
            [("queues/a.yaml", ONE)],
        ]
        assert len({both, *map(combined, others)}) == 5

    def test_it_is_known_to_the_byte(self) -> None:
        """A newer version that computed it in another way would refuse every open review."""
        assert combined([("b", TWO), ("a", ONE)]) == (
            "sha256:ac7acc8c228fc4a810fdfe6381a45701840ba01a96baa295400e0690d01397e4"
        )

    def test_of_plans(self) -> None:
        one, two = plan(queue(job("a")), source="a"), plan(queue(job("b")), source="b", digest=TWO)
        assert agreed([one]) == one.digest
        assert agreed([one, two]) == combined([("a", one.digest), ("b", TWO)])


class TestDescription:
    def test_words_and_digest(self) -> None:
        text = description("1 queue, 12 jobs", ONE)
        assert text == f"1 queue, 12 jobs · {ONE}"
        assert digest_in(text) == ONE

    @pytest.mark.parametrize("words", ["x" * 500, "ü · " * 100, ""])
    def test_the_words_are_cut_never_the_digest(self, words: str) -> None:
        assert len(description(words, ONE)) <= LONGEST
        assert digest_in(description(words, ONE)) == ONE

    def test_without_a_digest(self) -> None:
        assert description("1 queue", "") == "1 queue"
        assert digest_in("1 queue") is None

    @pytest.mark.parametrize(
        "text", [f"x · {ONE}0", f"x · {ONE} ", ONE, f"x {ONE}", f"x · {ONE.upper()}", f"x · {ONE} · y", ""]
    )
    def test_nothing_else_is_a_digest(self, text: str) -> None:
        assert digest_in(text) is None


class TestReviewed:
    def status(self, **fields: Any) -> Status:
        named = {"context": CONTEXT, "state": "success", "description": f"x · {ONE}", "author": BOT}
        return Status(**{**named, **fields})

    def test_ours(self) -> None:
        assert reviewed([self.status()], BOT) == ONE
        assert reviewed([self.status(author="GitHub-Actions[bot]")], BOT) == ONE

    @pytest.mark.parametrize(
        "fields",
        [
            {"author": "mallory"},
            {"author": ""},
            {"state": "failure"},
            {"state": "pending"},
            {"context": "runner/plan2"},
            {"description": "No queues changed"},
        ],
    )
    def test_anything_else_is_none(self, fields: dict[str, str]) -> None:
        assert reviewed([self.status(**fields)], BOT) is None

    def test_the_newest_of_ours_counts(self) -> None:
        assert reviewed([self.status(state="failure"), self.status()], BOT) is None
        assert reviewed([self.status(author="mallory", description=f"x · {TWO}"), self.status()], BOT) == ONE

    def test_an_empty_login_is_nobody(self) -> None:
        assert newest([self.status(author="")], "") is None


def symbolic(made: Queue, volatile: dict[Route, str], tree: dict[str, Any] | None = None) -> plans.Plan:
    found, odd = plans.symbolic(made, source="q.yaml", volatile=volatile, tree=tree)
    assert odd == ()
    return found


def recomputed(made: plans.Plan) -> str:
    read = from_json(to_json(made))
    return digest_of(read.queue, runner_version=read.runner_version)


_places = st.sampled_from(
    [
        ("command",),
        ("shell", 0),
        ("environment", "X"),
        ("env", "X"),
        ("secrets", "X"),
        ("working_directory",),
        ("result_files", 0),
        ("result_paths", 0),
        ("description",),
    ]
)

_FIELDS = {"result_paths": "result_files", "env": "environment"}


@st.composite
def volatile_queues(draw: st.DrawFn) -> tuple[Queue, dict[Route, str]]:
    """Any queue, with raw texts for some of its leaves that may have one."""
    made = draw(queues(max_jobs=3))
    raws = st.text(max_size=6).map(lambda text: f"{text}{RAW}")
    routes: dict[Route, str] = {}
    for number, one in enumerate(made.jobs):
        for place in draw(st.lists(_places, max_size=3)):
            values = getattr(one, _FIELDS.get(str(place[0]), str(place[0])))
            # A list that is the default is left out of the form: then there is no place for it.
            if place[-1] != 0 or (values and values != Job(job_id="", command="").shell):
                routes[("jobs", number, *place)] = draw(raws)
    if draw(st.booleans()):
        routes[("machine", "type")] = draw(raws)
    if draw(st.booleans()):
        routes[("results",)] = draw(raws)
    return made, routes


@settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))
@given(given=volatile_queues())
def test_the_digest_can_be_computed_from_what_is_shown(given: tuple[Queue, dict[Route, str]]) -> None:
    made, volatile = given
    found = symbolic(made, volatile)
    plain = plans.make(made, source="q.yaml", git=Git(sha="a" * 40), volatile=volatile)
    assert found.digest == plain.digest
    assert recomputed(found) == plain.digest
    assert found.git == Git()


@settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))
@given(made=queues(max_jobs=3))
def test_without_such_values_it_is_the_plan(made: Queue) -> None:
    found = symbolic(made, {})
    assert found.queue == made
    assert recomputed(found) == found.digest


def test_the_values_of_this_commit_are_not_in_it() -> None:
    made = queue(
        job("a", command="build 4ead", environment={"SHA": "4ead", "X": "1"}, result_files=("x", "out/4ead")),
        job("b", "a", command=("deploy", "4ead"), secrets={"S": "ssm:/4ead"}, working_directory="4ead"),
        results="s3://bucket/4ead",
        machine=Machine(provider="ec2", options={"type": "m7i", "disk": "4ead"}),
        concurrency_group="deploy-4ead",
    )
    volatile: dict[Route, str] = {
        ("jobs", 0, "command"): f"build {RAW}",
        ("defaults", "environment", "SHA"): RAW,
        ("jobs", 0, "result_files", 1): f"out/{RAW}",
        ("jobs", 1, "command", 1): RAW,
        ("jobs", 1, "secrets", "S"): f"ssm:/{RAW}",
        ("jobs", 1, "working_directory"): RAW,
        ("result_s3_prefix",): RAW,
        ("machine", "disk"): RAW,
        ("concurrency", "group"): f"deploy-{RAW}",
        ("x-anchor", "sha"): RAW,
    }
    tree = {"result_s3_bucket": "bucket", "jobs": [{}, {"environment": {"SHA": "own"}}]}
    found = symbolic(made, volatile, tree)
    assert b"4ead" not in to_json(found)
    first, second = found.queue.jobs
    assert (first.command, first.environment) == (f"build {RAW}", {"SHA": RAW, "X": "1"})
    assert (second.command, second.environment) == (("deploy", RAW), {})
    assert found.queue.results == f"s3://bucket/{RAW}"
    assert found.queue.machine.options == {"type": "m7i", "disk": RAW}
    assert found.queue.concurrency_group == f"deploy-{RAW}"
    assert recomputed(found) == found.digest


@pytest.mark.parametrize(
    "route",
    [
        ("timeout",),
        ("max_parallel",),
        ("queue_id",),
        ("run_on",),
        ("schedule",),
        ("schedule", 0),
        ("concurrency", "policy"),
        ("machine", "provider"),
        ("machine",),
        ("jobs",),
        ("jobs", 0),
        ("defaults",),
        ("jobs", 0, "job_id"),
        ("jobs", 0, "timeout"),
        ("jobs", 0, "retry_count"),
        ("jobs", 0, "retry", "delay"),
        ("jobs", 0, "depends_on", 0),
        ("jobs", 0, "depends_on"),
        ("jobs", 0, "result_files"),
        ("jobs", 0, "environment"),
        ("jobs", 0, "on_failure"),
        ("jobs", 0, "priority"),
        ("jobs", 9, "command"),
        ("defaults", "timeout"),
        ("defaults", "retry_count"),
        ("defaults", "environment"),
    ],
)
def test_where_no_text_can_stand_the_route_is_told(route: Route) -> None:
    made = queue(job("a", timeout=5.0), job("b"), schedule=("0 3 * * *",))
    found, odd = plans.symbolic(made, source="q.yaml", volatile={route: RAW}, tree={"jobs": [{}, {}]})
    assert odd == (route,)
    assert found.queue == made


def test_a_default_that_no_job_takes_is_no_trouble() -> None:
    made = queue(job("a", timeout=5.0))
    assert symbolic(made, {("defaults", "timeout"): RAW}, {"jobs": [{"timeout": 5}]}).queue == made


def test_from_a_file(tmp_path: Path) -> None:
    """The whole way, and at another commit and hour the same."""
    file = tmp_path / "q.yaml"
    file.write_text(
        "defaults: {environment: {AT: '${{ now }}'}}\n"
        "jobs:\n  - {job_id: a, command: 'echo ${{ git.sha | q }}', env: {PR: '${{ git.pr }}'}}\n"
        "  - {job_id: b, command: [echo, '${{ git.branch }}'], environment: {AT: noon}}\n"
    )
    made = []
    for git, now in ((Git(sha="a" * 40, pr="7", branch="main"), "2026"), (Git(branch="x y"), "2027")):
        prepared = prepare(str(file), name="q.yaml", checkout=tmp_path, environ={}, git=git, now=now)
        assert prepared.queue is not None
        made.append(symbolic(prepared.queue, dict(prepared.volatile), prepared.tree))
        plain = plans.make(
            prepared.queue, source="q.yaml", git=git, volatile=prepared.volatile, tree=prepared.tree
        )
        assert plain.digest == made[-1].digest == recomputed(made[-1])
    assert made[0] == made[1]
    assert made[0].queue.jobs[0].environment == {"AT": "${{ now }}", "PR": "${{ git.pr }}"}


def test_a_job_is_never_changed_in_place() -> None:
    one = Job(job_id="a", command="echo", environment={"X": "1"})
    made = queue(one)
    before = repr(made)
    symbolic(made, {("jobs", 0, "environment", "X"): RAW})
    assert repr(made) == before
    assert replace(one) == one
