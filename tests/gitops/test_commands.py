"""Commands in pull requests: who may, one reply each, and nothing done twice."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from runner import events as e
from runner.errors import ForgeError, RefusedError
from runner.gitops.commands.answering import check, command
from runner.gitops.commands.parse import parse
from runner.gitops.commands.permit import needs, permitted
from runner.gitops.payload import CommentEvent
from runner.gitops.run.requests import Requests, cancel_requests
from runner.ports import CodeHost, Status
from runner.report import markers
from runner.stores.directory import DirectoryStore
from tests.builders import RUN_ID, START, Log, job, queue
from tests.forge_worlds import MERGE, furnish
from tests.github_double import BOT, Double, serving
from tests.gitops.commanding import (
    CLOSED,
    COMMANDING,
    MERGED,
    OPEN,
    RUNNING,
    SERVER,
    DoubleWorld,
    FilesWorld,
    Performed,
    World,
    commanded,
    context,
    kept,
    replies,
    workflow_run,
)
from tests.snapshots import assert_snapshot
from tests.virtual_time import VirtualTime

DIGEST = "sha256:" + "0a" * 32


@pytest.fixture(params=["github", "files"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    clock = VirtualTime()
    if request.param == "files":
        yield FilesWorld(tmp_path / "forge", clock)
        return
    with serving(furnish(Double(clock))) as double:
        made = DoubleWorld(double, clock)
        yield made
        made.forge.close()
        assert double.violations == []
        assert double.limits.refused == []


@pytest.fixture
def files(tmp_path: Path) -> FilesWorld:
    return FilesWorld(tmp_path / "forge", VirtualTime())


def checkout(tmp_path: Path, name: str = "checkout") -> Path:
    made = tmp_path / name
    made.mkdir(exist_ok=True)
    return made


def do(
    world: World,
    tmp_path: Path,
    body: str,
    *,
    login: str = "ann",
    pull: int = MERGED,
    perform: Performed | None = None,
) -> tuple[str, list[str]]:
    """The reply to a command, and the reactions to it."""
    event = commanded(world, login, body, pull)
    before = len(replies(world, pull))
    assert command(context(checkout(tmp_path)), event, world.forge, perform=perform or Performed()) == 0
    found = replies(world, pull)
    assert len(found) == before + 1
    for line in found[-1].body.split("\n"):
        assert parse(line) is None
    return found[-1].body, world.reactions(event.comment)


def nothing(world: World, tmp_path: Path, event: CommentEvent) -> None:
    """No reply, no reaction, no write of any kind."""
    before = len(list(world.forge.comments(event.number)))
    assert command(context(checkout(tmp_path)), event, world.forge, perform=Performed()) == 0
    assert len(list(world.forge.comments(event.number))) == before
    if isinstance(world, DoubleWorld):
        assert all(call.method == "GET" or call.operation == "graphql" for call in world.double.calls)


def shown(body: str) -> str:
    """Without what differs from run to run: comment ids and claims."""
    text = re.sub(r'"claim":"[0-9.]+\.[0-9a-f]{8}"', '"claim":"…"', body)
    return re.sub(r'"subject":"\d+"', '"subject":"…"', text)


class TestPermission:
    @pytest.mark.parametrize(
        ("fields", "why"),
        [
            ({"action": "edited"}, "edited"),
            ({"action": "deleted"}, "deleted"),
            ({"by_bot": True}, "not a person's"),
            ({"on_pull": False}, "not on a pull request"),
            ({"author": BOT.upper()}, "our own"),
            ({"author": "bob"}, "changed"),
            ({"body": "/runner help "}, "changed"),
            ({"body": "hello"}, "no command"),
        ],
    )
    def test_what_is_passed_over(
        self, world: World, tmp_path: Path, fields: dict[str, Any], why: str
    ) -> None:
        event = dataclasses.replace(commanded(world, "ann", "/runner help"), **fields)
        permit = permitted(event, world.forge, "write")
        assert (permit.allowed, permit.silent) == (False, True)
        assert why in permit.reason
        nothing(world, tmp_path, event)

    def test_prose_costs_no_request(self, tmp_path: Path) -> None:
        clock = VirtualTime()
        with serving(furnish(Double(clock))) as double:
            world = DoubleWorld(double, clock)
            for body in ("thanks!", "/runnerx", "> /runner cancel x", " /runner help"):
                nothing(world, tmp_path, commanded(world, "ann", body, OPEN))
            assert [call.operation for call in double.calls] == ["issues/list-comments"] * 8
            world.forge.close()

    def test_edited_in_the_meantime(self, world: World, tmp_path: Path) -> None:
        event = commanded(world, "ann", "/runner help")
        world.change(event.comment, "/runner help")
        nothing(world, tmp_path, event)

    def test_deleted_in_the_meantime(self, world: World, tmp_path: Path) -> None:
        event = commanded(world, "ann", "/runner help")
        world.delete(event.comment)
        nothing(world, tmp_path, event)

    def test_of_another_pull_request(self, world: World, tmp_path: Path) -> None:
        event = dataclasses.replace(commanded(world, "ann", "/runner help", MERGED), number=OPEN)
        nothing(world, tmp_path, event)

    def test_of_who_has_no_part_here(self, world: World, tmp_path: Path) -> None:
        nothing(world, tmp_path, commanded(world, "eve", "/runner help"))

    @pytest.mark.parametrize(
        ("allow", "may"),
        [
            ("write", {"ann", "bob"}),
            ("admin", {"ann"}),
            (("CAT", "eve"), {"cat"}),
            ((), set()),
        ],
    )
    def test_who_may(self, world: World, allow: str | tuple[str, ...], may: set[str]) -> None:
        found = set()
        for login in ("ann", "bob", "cat", "eve"):
            event = commanded(world, login, f"/runner retry {RUN_ID}")
            permit = permitted(event, world.forge, allow)
            assert permit.silent == (login == "eve")
            found |= {login} if permit.allowed else set()
            assert permitted(commanded(world, login, "/runner help"), world.forge, allow).allowed == (
                login != "eve"
            )
        assert found == may

    def test_closed_without_a_merge(self, world: World) -> None:
        found = {}
        for verb in ("help", "status", "plan", f"run {DIGEST}", f"retry {RUN_ID}"):
            event = commanded(world, "ann", f"/runner {verb}", CLOSED)
            found[verb.split()[0]] = permitted(event, world.forge, "write").allowed
        assert found == {"help": True, "status": True, "plan": False, "run": False, "retry": False}

    def test_a_refusal_is_said(self, world: World, tmp_path: Path) -> None:
        body, reactions = do(world, tmp_path, f"/runner retry {RUN_ID}", login="cat")
        assert "you may not retry here" in body
        assert reactions == ["eyes", "confused"]

    def test_a_broken_configuration_leaves_administrators(self, world: World, tmp_path: Path) -> None:
        place = checkout(tmp_path) / ".github" / "runner.yaml"
        place.parent.mkdir()
        place.write_text("commands: {allow: [")
        assert "you may not plan" in do(world, tmp_path, "/runner plan", login="bob", pull=OPEN)[0]
        assert "Plans again" in do(world, tmp_path, "/runner plan", login="ann", pull=OPEN)[0]

    def test_the_configuration_names_who_may(self, world: World, tmp_path: Path) -> None:
        place = checkout(tmp_path) / ".github" / "runner.yaml"
        place.parent.mkdir()
        place.write_text("commands: {allow: [Cat]}\n")
        assert "you may not plan" in do(world, tmp_path, "/runner plan", login="ann", pull=OPEN)[0]
        assert "Plans again" in do(world, tmp_path, "/runner plan", login="cat", pull=OPEN)[0]


class TestCheck:
    @pytest.mark.parametrize(
        ("login", "body", "outputs"),
        [
            ("ann", "/runner help", ("true", "light", "true")),
            ("ann", f"/runner retry {RUN_ID}", ("true", "run", "true")),
            ("ann", f"/runner run {DIGEST}", ("true", "run", "true")),
            ("ann", f"/runner cancel {RUN_ID}", ("true", "light", "true")),
            ("ann", "/runner hlep", ("true", "light", "true")),
            ("cat", "/runner hlep", ("false", "light", "true")),
            ("cat", f"/runner retry {RUN_ID}", ("false", "light", "true")),
            ("eve", f"/runner retry {RUN_ID}", ("false", "light", "false")),
            ("ann", "hello", ("false", "light", "false")),
        ],
    )
    def test_outputs(
        self, world: World, tmp_path: Path, login: str, body: str, outputs: tuple[str, str, str]
    ) -> None:
        here = context(tmp_path)
        event = commanded(world, login, body)
        if isinstance(world, DoubleWorld):  # the right to read is enough
            world.double.world.tokens["ghs_0123456789abcdefSECRET"].permissions = {
                "metadata": "read",
                "contents": "read",
                "pull_requests": "read",
                "statuses": "read",
                "actions": "read",
            }
        assert check(here, event, world.forge) == 0
        assert here.output_path is not None
        found = re.findall(r"^([a-z]+)<<.*\n(.*)\n", here.output_path.read_text(), re.MULTILINE)
        assert found == list(zip(("allowed", "needs", "answer"), outputs, strict=True))
        if isinstance(world, DoubleWorld):
            assert all(call.method == "GET" or call.operation == "graphql" for call in world.double.calls)

    def test_what_needs_a_machine(self) -> None:
        commands = {"help": "", "status": "", "plan": "", "unlock": "", "retry": "x", "resume": "x"}
        commands |= {"cancel": "x", "logs": "x y", "run": DIGEST}
        heavy = {v for v, words in commands.items() if needs(parse(f"/runner {v} {words}")) == "run"}  # type: ignore[arg-type]
        assert heavy == {"retry", "resume", "run"}


class TestReplies:
    def test_help(self, world: World, tmp_path: Path) -> None:
        body, reactions = do(world, tmp_path, "/runner help", login="cat", pull=CLOSED)
        assert reactions == ["eyes", "rocket"]
        assert_snapshot("comments/reply-help.md", shown(body))

    def test_a_mistake(self, world: World, tmp_path: Path) -> None:
        body, reactions = do(world, tmp_path, "/runner rety `@octocat` <b>", login="ann")
        assert reactions == ["eyes", "confused"]
        assert_snapshot("comments/reply-mistake.md", shown(body))

    def test_status_of_nothing(self, world: World, tmp_path: Path) -> None:
        assert "Nothing has run" in do(world, tmp_path, "/runner status", pull=OPEN)[0]

    def test_status(self, world: World, tmp_path: Path) -> None:
        kept(world)
        world.say(
            "ann",
            markers.line(markers.Marker(kind="live", subject="demo", generation=9, run="spoof")),
            MERGED,
        )
        body, reactions = do(world, tmp_path, "/runner status", login="cat")
        assert reactions == ["eyes", "rocket"]
        assert_snapshot("comments/reply-status.md", shown(body))

    def test_logs(self, world: World, tmp_path: Path) -> None:
        kept(world)
        body, reactions = do(world, tmp_path, f"/runner logs {RUN_ID} build")
        assert reactions == ["eyes", "rocket"]
        assert_snapshot("comments/reply-logs.md", shown(body))
        assert not (checkout(tmp_path) / ".runner").exists()

    def test_logs_that_are_not_there(self, world: World, tmp_path: Path) -> None:
        kept(world)
        for words, why in (("nope", "has no job nope"), ("test", "it never started")):
            body, reactions = do(world, tmp_path, f"/runner logs {RUN_ID} {words}")
            assert why in body
            assert reactions == ["eyes", "confused"]

    def test_unlock(self, world: World, tmp_path: Path) -> None:
        assert "nothing is locked" in do(world, tmp_path, "/runner unlock")[0]

    def test_plan_once_more(self, world: World, tmp_path: Path) -> None:
        body, reactions = do(world, tmp_path, "/runner plan", pull=OPEN)
        assert "Plans again" in body
        assert reactions == ["eyes", "rocket"]
        assert world.forge.workflow_run(31).attempt == 2
        body, reactions = do(world, tmp_path, "/runner plan", pull=OPEN)
        assert "is being made already" in body
        assert world.forge.workflow_run(31).attempt == 2

    def test_plan_that_was_never_made(self, world: World, tmp_path: Path) -> None:
        assert "no plan was made" in do(world, tmp_path, "/runner plan", pull=MERGED)[0]

    def test_in_a_locked_conversation_the_summary_says_it(self, world: World, tmp_path: Path) -> None:
        event = commanded(world, "ann", "/runner plan", OPEN)
        world.lock()  # type: ignore[attr-defined]
        here = context(checkout(tmp_path))
        assert command(here, event, world.forge, perform=Performed()) == 0
        assert here.summary_path is not None
        assert "no comment is taken" in here.summary_path.read_text()
        assert world.forge.workflow_run(31).attempt == 1


class TestAgain:
    def test_retry(self, world: World, tmp_path: Path) -> None:
        kept(world)
        perform = Performed()
        previews = []

        class Looks(Performed):
            def _carried(self, *args: Any) -> Any:
                previews.append(replies(world)[-1].body)
                return perform._carried(*args)

        body, reactions = do(world, tmp_path, f"/runner retry {RUN_ID}", perform=Looks(places=perform.places))
        assert perform.calls == [("retry", RUN_ID, ())]
        assert [(p.pull, p.commit, p.head) for p in perform.places] == [
            (MERGED, "0123456789abcdef0123456789abcdef01234567", "5" * 40)
        ]
        assert reactions == ["eyes", "rocket"]
        assert_snapshot("comments/reply-retry-preview.md", shown(previews[0]))
        assert_snapshot("comments/reply-retry.md", shown(body))

    def test_retry_of_some_jobs_takes_what_hangs_on_them(self, world: World, tmp_path: Path) -> None:
        kept(world)
        perform = Performed()
        body, _ = do(world, tmp_path, f"/runner retry {RUN_ID} lint", perform=perform)
        assert perform.calls == [("retry", RUN_ID, ("lint",))]
        assert "`lint`" in body
        assert "`build`" not in body

    @pytest.mark.parametrize(
        ("words", "why"),
        [
            (f"retry {RUN_ID} nope", "has no job nope"),
            (f"resume {RUN_ID}", "there is nothing to go on with"),
            ("retry demo-20200101T000000-zzzzzz", "holds no run"),
            ("retry other-1", "there is no run other-1"),
        ],
    )
    def test_refused(self, files: FilesWorld, tmp_path: Path, words: str, why: str) -> None:
        kept(files)
        perform = Performed()
        event = commanded(files, "ann", f"/runner {words}")
        command(context(checkout(tmp_path)), event, files.forge, perform=perform)
        assert why in replies(files)[-1].body
        assert perform.calls == []
        assert files.reactions(event.comment) == ["eyes", "confused"]
        home = checkout(tmp_path) / ".runner"
        assert not home.exists() or [p.name for p in home.iterdir()] in ([], [".gitignore"])

    def test_a_live_run_is_left_alone(self, files: FilesWorld, tmp_path: Path) -> None:
        kept(files, conclusion="", state="pending")
        perform = Performed()
        body, _ = do(files, tmp_path, f"/runner retry {RUN_ID}", perform=perform)
        assert f"is live: workflow run {RUNNING}" in body
        assert perform.calls == []

    def test_resume_of_an_interrupted_run(self, files: FilesWorld, tmp_path: Path) -> None:
        log = (
            Log(queue(job("one"), job("two", "one"), job("three", "two"))).whole("one", 0.0).start("two", 2.0)
        )
        log.add(e.RunInterrupted(at=START + 3.0, reason="SIGTERM"))
        kept(files, log, state="error")
        perform = Performed()
        body, _ = do(files, tmp_path, f"/runner resume {RUN_ID}", perform=perform)
        assert perform.calls == [("resume", RUN_ID, ())]
        assert "`two`, `three`" in body
        assert "`one`" not in body

    def test_a_run_that_succeeded(self, files: FilesWorld, tmp_path: Path) -> None:
        kept(files, Log(queue(job("one"))).whole("one", 0.0).over(1.0), state="success")
        assert "has no job to run again" in do(files, tmp_path, f"/runner retry {RUN_ID}")[0]

    def test_what_was_held_back(self, world: World, tmp_path: Path) -> None:
        perform = Performed(said=("etl `started`\n@all",))
        body, reactions = do(world, tmp_path, f"/runner run {DIGEST}", perform=perform)
        assert perform.calls == [("run", DIGEST, ())]
        assert reactions == ["eyes", "rocket"]
        assert_snapshot("comments/reply-run.md", shown(body))
        assert "not merged yet" in do(world, tmp_path, f"/runner run {DIGEST}", pull=OPEN)[0]

    def test_it_goes_wrong(self, files: FilesWorld, tmp_path: Path) -> None:
        perform = Performed(raises=RefusedError("the digest is another", hint="look again"))
        body, reactions = do(files, tmp_path, f"/runner run {DIGEST}", perform=perform)
        assert "the digest is another\nlook again" in body
        assert reactions == ["eyes", "rocket", "confused"]
        event = commanded(files, "ann", f"/runner run {DIGEST}")
        perform = Performed(raises=ForgeError("GitHub is gone"))
        assert command(context(checkout(tmp_path)), event, files.forge, perform=perform) == 4
        assert "GitHub is gone" in replies(files)[-1].body


class TestCancel:
    def test_of_a_live_run(self, world: World, tmp_path: Path) -> None:
        kept(world, conclusion="", state="pending")
        body, reactions = do(world, tmp_path, f"/runner cancel {RUN_ID} build")
        assert reactions == ["eyes", "rocket"]
        assert_snapshot("comments/reply-cancel.md", shown(body))
        (asked,) = cancel_requests(world.forge.comments(MERGED), world.forge.login(), RUN_ID, RUNNING)
        assert (asked.job_ids, asked.by) == (("build",), "ann")

    @pytest.mark.parametrize(
        ("conclusion", "state", "run_id", "why"),
        [
            ("success", "failure", RUN_ID, "is over: Failed: 2 | 3"),
            ("failure", "pending", RUN_ID, "nobody works on run"),
            ("", "pending", "demo-20200101T000000-zzzzzz", "there is no run demo-2020"),
        ],
    )
    def test_refused(
        self, files: FilesWorld, tmp_path: Path, conclusion: str, state: str, run_id: str, why: str
    ) -> None:
        kept(files, conclusion=conclusion, state=state)
        body, reactions = do(files, tmp_path, f"/runner cancel {run_id}")
        assert why in body
        assert reactions == ["eyes", "confused"]
        assert cancel_requests(files.forge.comments(MERGED), BOT, run_id) == []

    def test_only_our_own_words_cancel(self, files: FilesWorld, tmp_path: Path) -> None:
        kept(files, conclusion="", state="pending")
        body, _ = do(files, tmp_path, f"/runner cancel {RUN_ID}")
        real = cancel_requests(files.forge.comments(MERGED), BOT, RUN_ID)
        files.say("ann", body)
        files.say(
            "ann", body.replace(f'"subject":"{real[0].name.removeprefix("comment-")}"', '"subject":"99"')
        )
        assert cancel_requests(files.forge.comments(MERGED), BOT, RUN_ID) == real
        assert cancel_requests(files.forge.comments(MERGED), BOT, "another") == []
        assert cancel_requests(files.forge.comments(MERGED), BOT, RUN_ID, COMMANDING) == []
        nobody = [dataclasses.replace(one, author="") for one in files.forge.comments(MERGED)]
        assert cancel_requests(nobody, "", RUN_ID) == []

    def test_the_follower_lays_it_down_once(self, world: World, tmp_path: Path) -> None:
        kept(world, conclusion="", state="pending")
        do(world, tmp_path, f"/runner cancel {RUN_ID} build")
        run, clock = tmp_path / "run", world.clock
        store = DirectoryStore(run, RUN_ID)
        store.create(b"{}")
        log = Log(queue(job("build"), job("other"))).start("build", 0.0)
        state = log.state()
        looking = Requests(RUNNING)
        (given,) = looking.poll(world.forge, MERGED, run, state, clock.now())
        assert store.requests() == [
            {"type": "cancel", "job_ids": ["build"], "by": "ann", "request": given.name}
        ]
        assert store.requests() == []
        clock.sleep(61)
        assert looking.poll(world.forge, MERGED, run, state, clock.now()) == []
        log.add(e.CancelRequested(at=START + 1.0, job_ids=("build",), request=given.name))
        assert Requests(RUNNING).poll(world.forge, MERGED, run, log.state(), clock.now()) == []
        assert store.requests() == []

    def test_it_looks_now_and_then(self, tmp_path: Path) -> None:
        clock = VirtualTime(START)
        with serving(furnish(Double(clock))) as double:
            world, looking = DoubleWorld(double, clock), Requests(RUNNING)
            state = Log(queue(job("build"))).state()
            times = []
            for second in range(3000):
                before = len(double.calls)
                looking.poll(world.forge, MERGED, tmp_path, state, START + second)
                times += [second] if len(double.calls) > before else []
            gaps = [b - a for a, b in pairwise(times)]
            assert gaps[:10] == [15] * 10
            assert gaps == sorted(gaps)
            assert max(gaps) == 60
            world.forge.close()
            assert double.violations == []

    def test_trouble_with_the_forge_does_not_end_the_run(self, tmp_path: Path) -> None:
        clock = VirtualTime(START)
        with serving(furnish(Double(clock))) as double:
            world, looking = DoubleWorld(double, clock), Requests(RUNNING)
            fault = double.fail(operation="issues/list-comments", status=403, message="no")
            state = Log(queue(job("build"))).state()
            assert looking.poll(world.forge, MERGED, tmp_path, state, START) == []
            assert "cannot read the comments" in looking.trouble
            double.faults.remove(fault)
            assert looking.poll(world.forge, MERGED, tmp_path, state, START + 60) == []
            assert looking.trouble == ""
            world.forge.close()


class Killed(BaseException):
    """The process is gone."""


class Dying:
    """A forge to which so many calls are made; the process dies after the last one."""

    def __init__(self, forge: CodeHost, calls: int) -> None:
        self._forge, self.left = forge, calls

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if not self.left:
                raise Killed
            self.left -= 1
            return getattr(self._forge, name)(*args, **kwargs)

        return call


@pytest.mark.slow
class TestOnce:
    def test_a_second_delivery_does_nothing(self, world: World, tmp_path: Path) -> None:
        kept(world)
        event = commanded(world, "ann", f"/runner retry {RUN_ID}")
        perform = Performed()
        for number in (COMMANDING, 901, COMMANDING):
            place = context(checkout(tmp_path, f"checkout-{number}"), number)
            assert command(place, event, world.forge, perform=perform) == 0
        assert len(perform.calls) == 1
        (reply,) = replies(world)
        assert "Ran again" in reply.body

    @pytest.mark.parametrize("words", ["help", f"retry {RUN_ID}", f"run {DIGEST}", f"cancel {RUN_ID}"])
    def test_killed_after_any_call(self, tmp_path: Path, words: str) -> None:
        for calls in range(100):
            world = FilesWorld(tmp_path / f"forge-{calls}", VirtualTime())
            live = words.startswith("cancel")
            kept(world, conclusion="" if live else "success", state="pending" if live else "failure")
            event = commanded(world, "ann", f"/runner {words}")
            perform, dying = Performed(), Dying(world.forge, calls)
            try:
                command(context(checkout(tmp_path, f"a{calls}")), event, dying, perform=perform)  # type: ignore[arg-type]
            except Killed:
                over = False
            else:
                over = True
            second = context(checkout(tmp_path, f"b{calls}"), attempt=2)
            assert command(second, event, world.forge, perform=perform) == 0
            (reply,) = replies(world)
            marker = markers.parse(reply.body)
            assert marker is not None
            assert marker.generation == 2
            assert len(perform.calls) <= 1
            if not words.startswith(("retry", "run")):
                assert "broke off" not in reply.body
            elif "broke off" not in reply.body:
                assert len(perform.calls) == 1
            if live:
                assert len(cancel_requests(world.forge.comments(MERGED), BOT, RUN_ID)) == 1
            if over:
                assert calls > 5
                return
        raise AssertionError("it never came to its end")

    def test_a_machine_that_still_works_on_it_is_not_given_up(self, world: World, tmp_path: Path) -> None:
        kept(world)
        world.workflow(workflow_run(COMMANDING, workflow=".github/workflows/command.yaml", conclusion=""))
        event = commanded(world, "ann", f"/runner retry {RUN_ID}")
        seen = []

        class SecondInBetween(Performed):
            def _carried(self, *args: Any) -> Any:
                other = Performed()
                place = context(checkout(tmp_path, "other"), 901)
                assert command(place, event, world.forge, perform=other) == 0
                seen.append((other.calls, replies(world)[-1].body))
                return super()._carried(*args)

        perform = SecondInBetween()
        assert command(context(checkout(tmp_path)), event, world.forge, perform=perform) == 0
        ((calls, between),) = seen
        assert calls == []
        assert "Runs again" in between
        (reply,) = replies(world)
        assert "Ran again" in reply.body

    def test_one_whose_machine_is_gone_is_said_to_have_broken_off(self, world: World, tmp_path: Path) -> None:
        world.workflow(
            workflow_run(COMMANDING, workflow=".github/workflows/command.yaml", conclusion="cancelled")
        )
        event = commanded(world, "ann", f"/runner run {DIGEST}")

        class Dies(Performed):
            def _carried(self, *args: Any) -> Any:
                raise Killed

        with pytest.raises(Killed):
            command(context(checkout(tmp_path)), event, world.forge, perform=Dies())
        perform = Performed()
        assert command(context(checkout(tmp_path), 901), event, world.forge, perform=perform) == 0
        assert perform.calls == []
        (reply,) = replies(world)
        assert_snapshot("comments/reply-broke-off.md", shown(reply.body))
        assert world.reactions(event.comment) == ["eyes", "rocket", "confused"]

    @pytest.mark.parametrize("words", ["help", f"run {DIGEST}"])
    def test_two_at_once(self, tmp_path: Path, words: str) -> None:
        """The other comes whole between any two calls of the one."""
        for calls in range(40):
            world = FilesWorld(tmp_path / f"forge-{calls}", VirtualTime())
            for number in (COMMANDING, 901):
                world.workflow(workflow_run(number, workflow=".github/workflows/command.yaml", conclusion=""))
            event = commanded(world, "ann", f"/runner {words}")
            perform = Performed()

            def other(
                world: FilesWorld = world, event: CommentEvent = event, perform: Performed = perform
            ) -> None:
                assert command(context(checkout(tmp_path), 901), event, world.forge, perform=perform) == 0

            between = Between(world.forge, calls, other)
            assert command(context(checkout(tmp_path)), event, between, perform=perform) == 0  # type: ignore[arg-type]
            assert len(perform.calls) == (words != "help")
            (reply,) = replies(world)
            marker = markers.parse(reply.body)
            assert marker is not None
            assert marker.generation == 2
            assert "broke off" not in reply.body
            if between.left:
                assert calls > 5
                return
        raise AssertionError("it never came to its end")

    def test_two_commands_for_one_run(self, files: FilesWorld, tmp_path: Path) -> None:
        """Another comment asks for the same while the first is at it, before any status says so."""
        kept(files)
        files.workflow(workflow_run(COMMANDING, workflow=".github/workflows/command.yaml", conclusion=""))
        first, second = (commanded(files, login, f"/runner retry {RUN_ID}") for login in ("ann", "bob"))
        later = Performed()

        class SecondInBetween(Performed):
            def _carried(self, *args: Any) -> Any:
                place = context(checkout(tmp_path, "other"), 901)
                assert command(place, second, files.forge, perform=later) == 0
                return super()._carried(*args)

        perform = SecondInBetween()
        assert command(context(checkout(tmp_path)), first, files.forge, perform=perform) == 0
        assert (len(perform.calls), later.calls) == (1, [])
        done, refused = sorted((c.body for c in replies(files)), key=lambda body: "another command" in body)
        assert "Ran again" in done
        assert f"another command is at it already: retry {RUN_ID}" in refused
        assert files.reactions(second.comment) == ["eyes", "rocket", "confused"]

    def test_a_command_that_died_does_not_hold_up_the_next(self, files: FilesWorld, tmp_path: Path) -> None:
        kept(files)
        files.workflow(workflow_run(COMMANDING, workflow=".github/workflows/command.yaml"))
        first, second = (commanded(files, "ann", f"/runner retry {RUN_ID}") for _ in range(2))

        class Dies(Performed):
            def _carried(self, *args: Any) -> Any:
                raise Killed

        with pytest.raises(Killed):
            command(context(checkout(tmp_path)), first, files.forge, perform=Dies())
        perform = Performed()
        place = context(checkout(tmp_path, "other"), 901)
        assert command(place, second, files.forge, perform=perform) == 0
        assert len(perform.calls) == 1

    def test_what_is_said_while_we_look_is_left(self, files: FilesWorld, tmp_path: Path) -> None:
        """The one that seemed to be gone ends well at the very moment."""
        files.workflow(workflow_run(COMMANDING, workflow=".github/workflows/command.yaml"))
        event = commanded(files, "ann", f"/runner run {DIGEST}")

        class SecondInBetween(Performed):
            def _carried(self, *args: Any) -> Any:
                (mine,) = replies(files)
                done = mine.body.replace('"generation":1', '"generation":2')

                class Late(Dying):
                    def __getattr__(self, name: str) -> Callable[..., Any]:
                        if name == "workflow_run":
                            files.forge.edit_comment(mine, f"{done}\nIt ended well")
                        return super().__getattr__(name)

                late: Any = Late(files.forge, 1000)
                assert command(context(checkout(tmp_path, "b"), 901), event, late, perform=Performed()) == 0
                raise Killed

        with pytest.raises(Killed):
            command(context(checkout(tmp_path)), event, files.forge, perform=SecondInBetween())
        assert "It ended well" in replies(files)[-1].body

    def test_a_loser_that_died_is_folded_away(self, files: FilesWorld, tmp_path: Path) -> None:
        event = commanded(files, "ann", "/runner help")
        command(context(checkout(tmp_path)), event, files.forge, perform=Performed())
        (first,) = replies(files)
        files.forge.add_comment(MERGED, first.body.replace(f".{1}.", ".2.") + "more")
        assert len(replies(files)) == 2
        command(context(checkout(tmp_path), 901), event, files.forge, perform=Performed())
        assert [one.id for one in replies(files)] == [first.id]

    def test_a_run_that_went_on_meanwhile(self, files: FilesWorld, tmp_path: Path) -> None:
        """Somebody's retry began and ended between our look at the run and our reply."""
        kept(files)
        event = commanded(files, "ann", f"/runner retry {RUN_ID}")

        def other() -> None:
            files.workflow(workflow_run(801))
            files.keep("runner-runs", b"x", 801)
            target = f"{SERVER}/octo/lab/actions/runs/801"
            files.clock.sleep(5)
            files.forge.set_status(MERGE, Status(context="runner/demo", state="success", target=target))

        class AtTheReply(Dying):
            def __getattr__(self, name: str) -> Callable[..., Any]:
                if name == "add_comment":
                    other()
                return super().__getattr__(name)

        perform = Performed()
        forge: Any = AtTheReply(files.forge, 1000)
        assert command(context(checkout(tmp_path)), event, forge, perform=perform) == 0
        assert perform.calls == []
        assert "somebody else went on" in replies(files)[-1].body

    def test_a_reply_of_somebody_else_is_none(self, files: FilesWorld, tmp_path: Path) -> None:
        event = commanded(files, "ann", "/runner help")
        marker = markers.Marker(kind="reply", subject=str(event.comment), generation=2)
        files.say("eve", f"{markers.line(marker)}\nDone")
        command(context(checkout(tmp_path)), event, files.forge, perform=Performed())
        assert [c.author for c in replies(files)] == ["eve", BOT]

    def test_a_lost_reply_is_found_again(self, tmp_path: Path) -> None:
        clock = VirtualTime()
        with serving(furnish(Double(clock))) as double:
            world = DoubleWorld(double, clock)
            double.fail(operation="issues/create-comment", status=0, carried_out=True, times=1)
            perform = Performed()
            body, _ = do(world, tmp_path, f"/runner run {DIGEST}", perform=perform)
            assert "Ran again" in body
            assert len(perform.calls) == 1
            world.forge.close()
            assert double.violations == []


class Between(Dying):
    """After so many calls something else happens, once."""

    def __init__(self, forge: CodeHost, calls: int, act: Callable[[], None]) -> None:
        super().__init__(forge, calls + 1)
        self._act = act

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self.left == 1:
                self._act()
            self.left = max(0, self.left - 1)
            return getattr(self._forge, name)(*args, **kwargs)

        return call
