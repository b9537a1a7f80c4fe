"""GitHub on a bad day: lost replies, limits, outages, hostile answers. The double's, in virtual time."""

from __future__ import annotations

import dataclasses
import json
import logging
import socket
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.errors import (
    ForgeBusyError,
    ForgeError,
    ForgeNotFoundError,
    ForgeRefusedError,
    ForgeUnsureError,
)
from runner.forges.github import GitHub, Limits, Settings, open_github
from runner.ports import Status
from tests.forge_worlds import HEAD, TOKEN, furnish, github, settings
from tests.github_double import BOT, Comment, Double, serving
from tests.virtual_time import VirtualTime

MARKER = "<!-- runner:final run-1 -->"
BODY = f"{MARKER}\nall good"
CREATE, SET = "issues/create-comment", "repos/create-commit-status"
GREEN = Status(context="runner/etl", state="success")


@pytest.fixture
def clock() -> VirtualTime:
    return VirtualTime()


@pytest.fixture
def double(clock: VirtualTime) -> Iterator[Double]:
    with serving(furnish(Double(clock))) as made:
        yield made
    assert made.violations == []


@pytest.fixture
def forge(double: Double, clock: VirtualTime) -> Iterator[GitHub]:
    made = github(double, clock)
    yield made
    made.close()


def bodies(double: Double) -> list[str]:
    return [comment.body for comment in double.world.comments.values()]


class TestLostReplies:
    @pytest.mark.parametrize("status", [0, 500, 502, 504])
    def test_a_comment_that_arrived_is_not_posted_again(
        self, double: Double, forge: GitHub, status: int
    ) -> None:
        double.fail(status=status, operation=CREATE, carried_out=True)
        added = forge.add_comment(7, BODY)
        assert bodies(double) == [BODY]
        assert added.id in double.world.comments
        assert len(double.named(CREATE)) == 1

    @pytest.mark.parametrize("status", [0, 500, 502, 504])
    def test_a_comment_that_did_not_arrive_is_posted_again(
        self, double: Double, forge: GitHub, status: int
    ) -> None:
        double.fail(status=status, operation=CREATE)
        forge.add_comment(7, BODY)
        assert bodies(double) == [BODY]
        assert len(double.named(CREATE)) == 2

    def test_it_is_looked_for_on_every_page_and_not_at_once(
        self, double: Double, forge: GitHub, clock: VirtualTime
    ) -> None:
        ann = double.world.account("ann")
        for number in range(1, 131):
            double.world.comments[number] = Comment(number, 7, ann, "hi", clock.now(), clock.now())
        double.fail(status=502, operation=CREATE, carried_out=True)
        added = forge.add_comment(7, BODY)
        assert added.body == BODY
        posted, looked = double.named(CREATE)[0], double.named("issues/list-comments")
        assert looked[0].at - posted.at >= 3
        assert len(looked) == 2

    def test_somebody_else_with_our_marker_is_not_us(
        self, double: Double, forge: GitHub, clock: VirtualTime
    ) -> None:
        eve = double.world.account("eve")
        double.world.comments[1] = Comment(1, 7, eve, BODY, clock.now(), clock.now())
        double.fail(operation=CREATE)
        assert forge.add_comment(7, BODY).id != 1
        assert [c.author.login for c in double.world.comments.values()] == ["eve", BOT]

    def test_another_of_our_comments_is_not_this_one(self, double: Double, forge: GitHub) -> None:
        forge.add_comment(7, "<!-- runner:final run-0 -->\nall good")
        double.fail(operation=CREATE)
        forge.add_comment(7, BODY)
        assert len(bodies(double)) == 2

    def test_a_comment_without_a_marker_is_left_in_doubt(self, double: Double, forge: GitHub) -> None:
        double.fail(operation=CREATE, carried_out=True)
        with pytest.raises(ForgeUnsureError, match="cannot say whether it worked to comment on #7"):
            forge.add_comment(7, "no marker")
        assert bodies(double) == ["no marker"]

    def test_lost_again_and_again(self, double: Double, forge: GitHub) -> None:
        double.fail(operation=CREATE, times=None)
        with pytest.raises(ForgeUnsureError):
            forge.add_comment(7, BODY)
        assert len(double.named(CREATE)) == 3

    def test_a_reply_that_never_comes(self, double: Double, clock: VirtualTime) -> None:
        impatient = Settings(repository="octo/lab", token=TOKEN, api_url=double.api, read_timeout=1.0)
        forge = open_github(impatient, clock=clock, sleep=clock.sleep)
        double.fail(operation=CREATE, carried_out=True, hang=True)
        forge.add_comment(7, BODY)
        assert bodies(double) == [BODY]
        forge.close()

    @pytest.mark.parametrize("carried_out", [False, True])
    def test_a_reply_that_is_garbled_is_as_good_as_none(
        self, double: Double, forge: GitHub, carried_out: bool
    ) -> None:
        double.fail(status=200, body=b"<html>", operation=CREATE, carried_out=carried_out)
        forge.add_comment(7, BODY)
        assert bodies(double) == [BODY]

    def test_a_dispatch_is_never_repeated(self, double: Double, forge: GitHub) -> None:
        double.fail(operation="actions/create-workflow-dispatch", status=502, carried_out=True)
        with pytest.raises(ForgeUnsureError, match=r"start the workflow merge\.yaml: GitHub answered 502"):
            forge.dispatch("merge.yaml", "main", {})
        assert len(double.world.dispatches) == 1

    @pytest.mark.parametrize("status", [0, 502])
    @pytest.mark.parametrize("carried_out", [False, True])
    def test_what_does_no_harm_twice_is_repeated(
        self, double: Double, forge: GitHub, status: int, carried_out: bool
    ) -> None:
        added = forge.add_comment(7, BODY)
        for operation in (
            SET,
            "issues/update-comment",
            "reactions/*",
            "graphql",
            "repos/list-commit-statuses*",
        ):
            double.fail(operation=operation, status=status, carried_out=carried_out)
        forge.set_status(HEAD, GREEN)
        forge.edit_comment(added, "edited")
        forge.react(added, "eyes")
        forge.minimize_comment(added)
        assert [s.state for s in forge.statuses(HEAD)] == ["success"]
        found = double.world.comments[added.id]
        assert (found.body, found.minimized, len(found.reactions)) == ("edited", "OUTDATED", 1)
        assert all(fault.hits == 1 for fault in double.faults)


class TestLimits:
    def test_the_budget_never_meets_a_limit(self, double: Double, forge: GitHub, clock: VirtualTime) -> None:
        start = clock.now()
        for number in range(130):
            forge.set_status(HEAD, Status(context=f"job-{number}", state="success"))
        assert double.limits.refused == []
        assert clock.now() - start == 129

    def test_without_a_budget_it_would(self, double: Double, clock: VirtualTime) -> None:
        hasty = github(double, clock, Limits(apart=0, writes_per_minute=0, writes_per_hour=0))
        for number in range(3):
            hasty.set_status(HEAD, Status(context=f"job-{number}", state="success"))
        assert double.limits.refused == ["apart", "apart"]
        assert len(double.world.statuses[HEAD]) == 3, "and it is patient"
        hasty.close()

    @pytest.mark.parametrize(
        ("status", "headers", "message", "waits"),
        [
            (403, {"Retry-After": "17"}, "You have exceeded a secondary rate limit.", 17),
            (429, {"Retry-After": "17"}, "Too many requests", 17),
            (403, {}, "You have exceeded a secondary rate limit.", 60),
            (403, {}, "You have triggered an abuse detection mechanism.", 60),
            (429, {}, "Too many requests", 60),
        ],
    )
    def test_later_is_waited_for_even_with_a_comment(
        self,
        double: Double,
        forge: GitHub,
        clock: VirtualTime,
        status: int,
        headers: dict[str, str],
        message: str,
        waits: float,
    ) -> None:
        start = clock.now()
        double.fail(status=status, headers=headers, message=message, operation=CREATE)
        forge.add_comment(7, BODY)
        assert clock.now() - start == waits
        assert bodies(double) == [BODY]

    def test_each_time_longer_and_then_it_says_so(
        self, double: Double, forge: GitHub, clock: VirtualTime
    ) -> None:
        start = clock.now()
        double.fail(status=403, message="secondary rate limit", operation=SET, times=None)
        with pytest.raises(ForgeBusyError, match="takes no more requests before") as caught:
            forge.set_status(HEAD, GREEN)
        assert clock.slept == [60, 120, 240, 480]
        assert caught.value.until == start + 900 + 960
        assert forge.next_write() == caught.value.until

    def test_a_server_that_says_soon_for_ever(self, double: Double, forge: GitHub) -> None:
        double.fail(status=429, headers={"Retry-After": "1"}, operation=SET, times=None)
        with pytest.raises(ForgeBusyError):
            forge.set_status(HEAD, GREEN)
        assert len(double.named(SET)) == 11

    def test_the_hours_last_request_is_followed_by_a_wait(self, double: Double, clock: VirtualTime) -> None:
        double.limits.requests_per_hour = 5
        forge = github(double, clock, patience=4000)
        start = clock.now()
        for _ in range(6):
            forge.repository()
        assert double.limits.refused == []
        assert 3600 <= clock.now() - start <= 3602
        forge.close()

    def test_an_hour_that_others_used_up(self, double: Double, clock: VirtualTime) -> None:
        double.limits.requests_per_hour = 2
        others, hasty, patient = (github(double, clock, patience=p) for p in (900, 900, 4000))
        others.repository()
        others.repository()
        with pytest.raises(ForgeBusyError, match="takes no more requests before"):
            hasty.repository()
        patient.repository()
        assert double.limits.refused == ["requests_per_hour"] * 2
        for forge in (others, hasty, patient):
            forge.close()

    def test_two_that_share_a_ledger_are_one(
        self, double: Double, clock: VirtualTime, tmp_path: Path
    ) -> None:
        ledger = tmp_path / "budget.json"
        pair = [
            open_github(settings(double), clock=clock, sleep=clock.sleep, ledger=ledger) for _ in range(2)
        ]
        for number in range(20):
            pair[number % 2].set_status(HEAD, Status(context=f"job-{number}", state="success"))
        assert double.limits.refused == []
        for forge in pair:
            forge.close()


def test_no_terminal_state_is_lost_on_the_worst_day(double: Double, clock: VirtualTime) -> None:
    forge = github(double, clock, patience=7200)
    double.fail(status=403, message="secondary rate limit", headers={"Retry-After": "5"}, times=None, every=7)
    double.fail(status=429, headers={"Retry-After": "2"}, times=None, every=11)
    double.fail(status=502, times=None, every=5)
    double.fail(status=502, times=None, every=13, carried_out=True)
    for number in range(500):
        state = "failure" if number % 10 == 0 else "success"
        forge.set_status(HEAD, Status(context=f"job-{number}", state=state))
    newest = {s.context: s.state for s in double.world.statuses[HEAD]}
    assert newest == {f"job-{n}": "failure" if n % 10 == 0 else "success" for n in range(500)}
    assert double.limits.refused == []
    forge.close()


class TestNo:
    @pytest.mark.parametrize(
        ("act", "needs"),
        [
            (lambda forge: forge.set_status(HEAD, GREEN), "statuses: write"),
            (lambda forge: forge.add_comment(7, BODY), "issues: write or pull-requests: write"),
            (lambda forge: forge.dispatch("merge.yaml", "main", {}), "actions: write"),
            (lambda forge: forge.pulls_from("octo", "topic"), "pull-requests: read"),
        ],
    )
    def test_a_missing_permission_is_named_and_not_asked_for_twice(
        self, double: Double, forge: GitHub, act: Callable[[GitHub], object], needs: str
    ) -> None:
        double.token(TOKEN, contents="read")
        with pytest.raises(ForgeRefusedError, match=needs) as caught:
            act(forge)
        assert "permissions:" in caught.value.hint
        assert len(double.calls) == 1

    def test_a_missing_permission_in_graphql(self, double: Double, forge: GitHub) -> None:
        added = forge.add_comment(7, BODY)
        double.token(TOKEN, contents="read")
        with pytest.raises(
            ForgeRefusedError, match=r"cannot minimize comment .* not accessible by integration"
        ):
            forge.minimize_comment(added)

    def test_an_expired_token(self, double: Double, forge: GitHub) -> None:
        del double.world.tokens[TOKEN]
        with pytest.raises(ForgeError, match="GitHub does not accept the token"):
            forge.comments(7)
        assert [call.status for call in double.calls] == [401]

    def test_a_comment_that_is_minimized_costs_no_write(self, double: Double, forge: GitHub) -> None:
        added = forge.add_comment(7, BODY)
        forge.minimize_comment(added)
        before = len(double.calls)
        forge.minimize_comment(dataclasses.replace(added, minimized=True))
        assert len(double.calls) == before

    def test_a_context_that_is_full(self, double: Double, forge: GitHub) -> None:
        forge.set_status(HEAD, GREEN)
        double.world.statuses[HEAD] *= 1000
        with pytest.raises(
            ForgeError, match="Validation Failed; This SHA and context has reached the maximum"
        ):
            forge.set_status(HEAD, GREEN)

    def test_a_commit_that_is_not_there(self, double: Double, forge: GitHub) -> None:
        with pytest.raises(ForgeError, match="No commit found for SHA"):
            forge.set_status("0" * 40, GREEN)

    def test_another_repository(self, double: Double, clock: VirtualTime) -> None:
        forge = open_github(
            Settings(repository="octo/other", token=TOKEN, api_url=double.api), clock=clock, sleep=clock.sleep
        )
        with pytest.raises(ForgeNotFoundError, match="cannot look at the repository octo/other"):
            forge.repository()
        forge.close()

    def test_who_we_are_is_asked_once_and_not_of_the_user(self, double: Double, forge: GitHub) -> None:
        assert [forge.login(), forge.login()] == [BOT, BOT]
        assert [call.operation for call in double.calls] == ["graphql"]


class TestOutage:
    def test_a_minute_of_it_is_sat_out(self, double: Double, forge: GitHub, clock: VirtualTime) -> None:
        double.fail(status=503, times=6)
        assert list(forge.statuses(HEAD)) == []
        assert clock.slept == [2, 4, 8, 16, 32]

    def test_a_long_one_is_reported(self, double: Double, forge: GitHub) -> None:
        double.fail(status=503, times=None)
        with pytest.raises(
            ForgeError, match=r"cannot read the statuses of 4ead4ea: GitHub is in trouble \(503\)"
        ):
            forge.statuses(HEAD)
        assert len(double.calls) == 7

    @pytest.mark.parametrize("act", [lambda f: f.comments(7), lambda f: f.add_comment(7, BODY)])
    def test_nobody_listens(self, clock: VirtualTime, act: Callable[[GitHub], object]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        noticed: list[str] = []
        forge = open_github(
            Settings(repository="octo/lab", token=TOKEN, api_url=f"http://127.0.0.1:{port}"),
            clock=clock,
            sleep=clock.sleep,
            notice=noticed.append,
        )
        with pytest.raises(ForgeError, match=rf"http://127.0.0.1:{port} is not reached") as caught:
            act(forge)
        assert "Connection refused)" in caught.value.message
        assert "HTTPConnection" not in caught.value.message
        assert len(noticed) == 6
        assert noticed[0].endswith(f" yet: http://127.0.0.1:{port} is not reached; it is tried again")
        assert not isinstance(caught.value, ForgeUnsureError), "what was never sent is in no doubt"
        assert "GITHUB_API_URL" in caught.value.hint
        forge.close()

    @pytest.mark.parametrize(
        "body",
        [
            b"<html>maintenance</html>",
            b"",
            b"[1, 2]",
            b'{"a": 1}',
            b"null",
            b'[{"id": 1}]',
            b"\xff\xfe",
            b"[" * 9999,
            b"{}",
        ],
    )
    def test_replies_that_github_does_not_send(self, double: Double, forge: GitHub, body: bytes) -> None:
        for operation in ("issues/*", "pulls/*", "graphql", "actions/*"):
            double.fail(status=200, body=body, operation=operation, times=None)
        for act in (
            lambda: forge.comments(7),
            lambda: forge.comment(1),
            lambda: forge.pull(7),
            lambda: forge.pulls_from("octo", "topic"),
            lambda: forge.artifacts(name="x"),
            forge.login,
        ):
            with pytest.raises(ForgeError) as caught:
                act()
            assert caught.value.hint


class TestEnterprise:
    def test_its_addresses(self, clock: VirtualTime) -> None:
        with serving(furnish(Double(clock)), prefix="/api/v3") as double:
            forge = github(double, clock)
            added = forge.add_comment(7, BODY)
            forge.minimize_comment(added)
            assert forge.comment(added.id).minimized
            assert forge.login() == BOT
            forge.close()
        assert double.violations == []


class TestToken:
    def chain(self, error: BaseException) -> str:
        shown = "".join(traceback.format_exception(error))
        causes: list[BaseException | None] = [error]
        while causes[-1] is not None:
            causes.append(causes[-1].__cause__ or causes[-1].__context__)
        return shown + "".join(f"{cause!r} {cause} {getattr(cause, 'args', '')}" for cause in causes)

    def test_is_in_no_error_and_no_log_even_if_the_server_repeats_it(
        self, double: Double, forge: GitHub, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        echo = f"Bad credentials: {TOKEN} ({TOKEN.encode().hex()})"
        for status in (400, 401, 403, 404, 409, 422, 503):
            fault = double.fail(status=status, message=echo, times=None)
            for act in (lambda: forge.comments(7), lambda: forge.set_status(HEAD, GREEN), forge.login):
                with pytest.raises(ForgeError) as caught:
                    act()
                assert TOKEN not in self.chain(caught.value) + caught.value.message + caught.value.hint
                assert TOKEN.encode().hex() not in caught.value.message
            double.faults.remove(fault)
        double.fail(times=None)
        with pytest.raises(ForgeError) as caught:
            forge.comments(7)
        assert TOKEN not in self.chain(caught.value)
        assert caplog.text
        assert TOKEN not in caplog.text

    def test_is_in_no_repr(self, forge: GitHub) -> None:
        session = forge._api._session
        assert TOKEN not in f"{forge!r} {session!r} {session.auth!r} {session.headers!r} {forge._api!r}"

    def test_a_graphql_error_that_repeats_it(self, double: Double, forge: GitHub) -> None:
        body = {"errors": [{"type": "RATE_LIMITED", "message": f"no, {TOKEN}\n::error::x"}]}
        double.fail(status=200, operation="graphql", body=json.dumps(body).encode())
        with pytest.raises(ForgeBusyError) as caught:
            forge.login()
        assert caught.value.message == "cannot ask who the token belongs to: no, *** ::error::x"

    def test_does_not_follow_a_link_to_another_host(
        self, double: Double, forge: GitHub, clock: VirtualTime
    ) -> None:
        ann = double.world.account("ann")
        for number in range(1, 131):
            double.world.comments[number] = Comment(number, 7, ann, "hi", clock.now(), clock.now())
        double.api = "http://elsewhere.example"
        with pytest.raises(ForgeError, match=r"leads away from http://127\.0\.0\.1"):
            forge.comments(7)

    def test_a_message_of_the_server_is_one_short_line(self, double: Double, forge: GitHub) -> None:
        double.fail(status=422, message="a\r\n::set-output::x\n" + "y" * 5000, operation=SET)
        with pytest.raises(ForgeError) as caught:
            forge.set_status(HEAD, GREEN)
        assert "\n" not in caught.value.message
        assert len(caught.value.message) < 400
