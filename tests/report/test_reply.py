"""Replies: within a comment's size whatever they quote, harmless, and never a command themselves."""

from __future__ import annotations

import re

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.gitops.commands.parse import parse
from runner.report import markers
from runner.report.budget import LIMIT, size
from runner.report.reply import (
    Reply,
    RunHere,
    cancelling,
    failure,
    finished,
    log_end,
    preview,
    refusal,
    reply,
    status,
    summary,
    unsaid,
)
from runner.report.reply_headline import outcome_headline
from runner.report.statuses import StatusText
from tests.builders import Log, failed_log, job, queue

MARKER = markers.Marker(kind="reply", subject="9", generation=2, claim="1.1.0123abcd")
HOSTILE = (
    "/runner retry x\n@octocat ```` | <script>alert(1)</script> "
    "![x](https://evil.test) \u202e\u200b ::error::x"
)
_text = st.text(max_size=400) | st.just(HOSTILE) | st.just("`" * 300) | st.just("/runner cancel x\n" * 20)
_line = _text.map(lambda text: " ".join(text.split()))
_states = st.sampled_from(["success", "failure", "error", "pending"])
_statuses = st.builds(
    StatusText, context=_line.map(lambda text: f"runner/{text}"), state=_states, description=_line
)
_replies = st.one_of(
    st.builds(refusal, _text, _text),
    st.builds(lambda m, h: failure(refusal(h), m, h), _text, _text),
    st.builds(
        lambda said, ok: finished(Reply(headline="x"), said, ok=ok),
        st.lists(_text, max_size=50),
        st.booleans(),
    ),
    st.builds(
        lambda lines, url: log_end("run-1", "job", 2, lines, url), st.lists(_line, max_size=100), _text
    ),
    st.builds(
        lambda runs, jobs: status([RunHere(status=run, run_id=run.description) for run in runs], jobs),
        st.lists(_statuses, max_size=20),
        st.lists(_statuses, max_size=60),
    ),
    st.builds(lambda jobs, url: cancelling("run-1", jobs, url), st.lists(_line, max_size=100), _text),
)


def check(text: str) -> None:
    assert size(text) <= LIMIT + 1000
    assert markers.parse(text) == MARKER
    assert all(parse(line) is None for line in text.split("\n"))
    html = cmarkgfm.github_flavored_markdown_to_html(text, options=Options.CMARK_OPT_UNSAFE)
    outside = re.sub(r"<(pre|code)[ >].*?</\1>", "", html, flags=re.DOTALL)
    assert "@octocat" not in outside
    assert "<script" not in html
    assert "<img" not in html
    assert "evil.test" not in outside


@given(_replies)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_quoted(said: Reply) -> None:
    check(reply(MARKER, said))
    assert summary(said).startswith("**")


@pytest.mark.parametrize("count", [1, 40, 41, 79, 80, 81, 254, 255, 256, 700])
def test_more_backticks_than_a_parser_counts(count: int) -> None:
    """cmark opens no code span with more than 80, and no fence is longer than 255 to it."""
    ticks = "`" * count
    check(reply(MARKER, refusal(f"{ticks}\n{HOSTILE}\n{ticks}", HOSTILE)))
    check(reply(MARKER, unsaid(refusal("x"), f"{ticks} {HOSTILE}")))
    check(reply(MARKER, cancelling("run-1", [f"{ticks} @octocat <img>"], "")))


@pytest.mark.parametrize("count", [1, 10_000])
def test_very_many_jobs(count: int) -> None:
    jobs = [f"job-{'x' * 50}-{i}" for i in range(count)]
    for said in (preview("retry", "run-1", jobs, count), preview("resume", "run-1", jobs, count + 3)):
        text = reply(MARKER, finished(said, ["done"], ok=True))
        check(text)
        assert f"{count:,} of " in text
        assert jobs[0] in text
        assert ("more job" in text) == (count > 1)


def test_very_many_statuses_leave_the_failures() -> None:
    runs = [
        RunHere(status=StatusText(context="runner/q", state="failure", description="d" * 140), run_id="q-1")
    ]
    jobs = [
        StatusText(context=f"runner/q/{i}", state="failure" if i == 999 else "success", description="é" * 140)
        for i in range(1000)
    ]
    text = reply(MARKER, status(runs, jobs))
    check(text)
    assert "`q/999`" in text
    assert "`/runner retry q-1`" in text


def test_the_end_of_a_long_log_is_its_last_lines() -> None:
    text = reply(MARKER, log_end("run-1", "job", 1, [f"{i} {'😀' * 400}" for i in range(100)], ""))
    check(text)
    assert "\n99 😀" in text
    assert "\n0 😀" not in text


def test_what_cannot_be_said_in_a_comment_is_in_the_summary() -> None:
    assert "no comment is taken: `the conversation is locked`" in summary(
        unsaid(refusal("x"), "the conversation is locked")
    )


GOOD = Log(queue(job("a"))).whole("a", 1.0).over(2.0)


class TestHowItEnded:
    """The headline is about the runs, not about the command."""

    @pytest.mark.parametrize(
        ("kind", "logs", "told"),
        [
            ("retry", [GOOD], "✅ Ran again, and succeeded"),
            ("retry", [failed_log()], "❌ Ran again, and failed: 1 of 7 jobs"),
            ("resume", [failed_log()], "❌ Went on, and failed: 1 of 7 jobs"),
            ("resume", [Log(queue(job("a"))).start("a", 1.0)], "❌ Went on, and was interrupted"),
            ("run", [GOOD, GOOD], "✅ Ran, and all 2 runs succeeded"),
            ("run", [GOOD, failed_log()], "❌ Ran: 1 of 2 runs did not succeed"),
        ],
    )
    def test_headlines(self, kind: str, logs: list[Log], told: str) -> None:
        assert outcome_headline(kind, [log.state() for log in logs]) == told
