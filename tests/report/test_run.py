"""The reports of a run, from folded logs: Markdown, JSON, JUnit, and the words they share."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner import events as e
from runner.report import json_report, junit, markdown
from runner.report.evidence import Evidence, StoredFile
from runner.report.roots import roots
from runner.report.timing import slowest_path
from runner.report.wording import how, tally, verdict, why_skipped
from tests.builders import RUN_ID, START, Log, failed_log, job, many, plan, queue
from tests.snapshots import assert_snapshot

EVIDENCE = Evidence(
    tails={"build": ("compiling", "error: ```three``` @nobody <b>bold</b> [x](http://y)")},
    summaries={"prepare": "# Prepared\n\n```\n12 files\n```\n<script>"},
    files={"prepare": (StoredFile(path="out/a|b `c`.csv", size=12345, sha256="ab" * 32),)},
)
HOSTILE = "\x1b[31m]]> </failure> & \x00 \ud800 \ufffe `````` <!-- @all ::error::x"


class TestMarkdown:
    def test_failed_run(self) -> None:
        log = failed_log()
        assert_snapshot("report-failed.md", markdown.text(plan(log.queue), log.state(), EVIDENCE, START + 9))

    def test_succeeded_run(self) -> None:
        made = queue(job("one"), job("two", "one"))
        state = Log(made).whole("one", 0.0).whole("two", 1.0, 2.0).over(3.0).state()
        assert_snapshot("report-succeeded.md", markdown.text(plan(made), state, Evidence(), START + 9))

    def test_live_run(self) -> None:
        made = queue(job("one"), job("two", "one"))
        state = Log(made).whole("one", 0.0).start("two", 1.0).state()
        assert_snapshot("report-live.md", markdown.text(plan(made), state, Evidence(), START + 9))

    def test_interrupted_and_cancelled_runs_say_so(self) -> None:
        made = queue(job("one"))
        log = Log(made).add(e.CancelRequested(at=START + 1, by="mallory `x`"))
        log.add(e.RunInterrupted(at=START + 2, reason="SIGTERM"))
        text = markdown.text(plan(made), log.state(), Evidence(), START + 9)
        assert f"Interrupted (`SIGTERM`); go on with `runner resume {RUN_ID}`" in text
        assert "Cancelled by `` mallory `x` ``" in text

    def test_foreign_text_stands_in_code_only(self) -> None:
        made = queue(job("a"), queue_name="<img src=x> @all")
        state = Log(made).whole("a", 0.0, outcome="failed", reason=HOSTILE).over(1.0, "failed").state()
        found = Evidence(
            tails={"a": (HOSTILE.replace("\x00", ""), "```", "~~~~~~~~")},
            summaries={"a": f"# head\n{HOSTILE}\n```"},
            files={"a": (StoredFile(path="<b>|`@x", size=1, sha256="0" * 64),)},
        )
        text = markdown.text(plan(made), state, found, START)
        outside = re.sub(r"(?ms)^(`{3,})[a-z]*\n.*?^\1$", "", text)
        outside = re.sub(r"(?s)(`+)(?!`).*?(?<!`)\1(?!`)", "", outside)
        assert "@" not in outside
        assert "<" not in outside
        assert "\x1b" not in text
        assert "\x00" not in text

    def test_lines_of_a_log_are_counted_by_where_they_come_from(self) -> None:
        made = queue(job("a"))
        state = Log(made).whole("a", 0.0, outcome="failed").state()
        for errors, said in (
            (0, "Its last 3 lines:"),
            (1, "Its last 3 lines, the last one from standard error:"),
            (2, "Its last 3 lines, the last 2 of them from standard error:"),
            (3, "Its last 3 lines:"),
        ):
            found = Evidence(tails={"a": ("x", "y", "z")}, errors={"a": errors})
            assert said in markdown.text(plan(made), state, found, START)

    def test_a_large_run_stays_readable(self) -> None:
        made = many(3000)
        log = Log(made)
        for i in range(3000):
            log.whole(f"job-{i}", 0.1 * i, outcome="failed" if i % 10 == 0 else "succeeded")
        text = markdown.text(plan(made), log.over(400.0, "failed").state(), Evidence(), START)
        assert len(text) < 60_000
        assert "And 280 more jobs did not succeed: `job-200`" in text
        assert "And 2,800 more jobs." in text
        assert text.count("| failed |") == 200


class TestJson:
    def test_failed_run(self) -> None:
        log = failed_log()
        assert_snapshot(
            "report-failed.json", json_report.text(plan(log.queue), log.state(), EVIDENCE, START + 9)
        )

    def test_is_json_whatever_a_job_did(self) -> None:
        made = queue(job("a"))
        state = Log(made).whole("a", 0.0, outcome="failed", reason=HOSTILE, outputs={"x": HOSTILE}).state()
        report = json.loads(json_report.text(plan(made), state, Evidence(), START))
        assert report["jobs"][0]["outputs"] == {"x": HOSTILE}

    def test_what_is_open_is_null(self) -> None:
        made = queue(job("a"), job("b", "a"))
        report = json.loads(
            json_report.text(plan(made), Log(made).start("a", 0).state(), Evidence(), START + 5)
        )
        assert report["outcome"] is None
        assert report["finished_at"] is None
        assert report["seconds"] == 5.0
        assert report["counts"]["open"] == 2
        assert [j["outcome"] for j in report["jobs"]] == [None, None]
        assert report["jobs"][0]["attempts"][0]["outcome"] is None

    def test_failed_names_what_makes_the_run_fail(self) -> None:
        log = failed_log()
        report = json.loads(json_report.text(plan(log.queue), log.state(), Evidence(), START))
        assert report["failed"] == ["build"]


class TestJunit:
    def test_failed_run(self) -> None:
        assert_snapshot("report-failed.xml", junit.text(failed_log().state(), EVIDENCE, START + 9))

    def test_counts_agree_with_the_cases(self) -> None:
        suite = ElementTree.fromstring(junit.text(failed_log().state(), EVIDENCE, START)).find("testsuite")
        assert suite is not None
        assert int(suite.attrib["tests"]) == len(suite.findall("testcase")) == 7
        assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure")) == 1
        assert int(suite.attrib["skipped"]) == len(suite.findall("testcase/skipped")) == 4

    @given(st.text(), st.text())
    def test_is_xml_whatever_a_job_did(self, reason: str, tail: str) -> None:
        made = queue(job("a"), queue_name=reason)
        state = Log(made).whole("a", 0.0, outcome="failed", reason=reason).state()
        text = junit.text(state, Evidence(tails={"a": (tail, HOSTILE)}), START)
        suite = ElementTree.fromstring(text)
        assert suite.find("testsuite/testcase/failure") is not None

    def test_output_and_errors_are_apart(self) -> None:
        state = Log(queue(job("a"))).whole("a", 0.0, outcome="failed").state()
        found = Evidence(tails={"a": ("told", "also", "went wrong")}, errors={"a": 1})
        case = ElementTree.fromstring(junit.text(state, found, START)).find("testsuite/testcase")
        assert case is not None
        assert (case.findtext("system-out"), case.findtext("system-err")) == ("told\nalso\n", "went wrong\n")

    def test_cancelled_and_lost_jobs_are_errors(self) -> None:
        made = queue(job("a"), job("b"))
        log = Log(made).whole("a", 0.0, outcome="cancelled").whole("b", 0.0, outcome="lost")
        suite = ElementTree.fromstring(junit.text(log.state(), Evidence(), START))
        assert len(suite.findall("testsuite/testcase/error")) == 2


class TestRoots:
    def test_descendants_stand_under_their_root(self) -> None:
        found = roots(failed_log().state())
        assert [(r.job.job.job_id, r.skipped) for r in found.failed] == [("build", ("test", "publish"))]
        assert [(r.job.job.job_id, r.skipped) for r in found.allowed] == [("lint", ())]
        assert [j.job.job_id for j in found.by_themselves] == ["docs"]

    def test_stopped_jobs_hang_on_what_stopped_them(self) -> None:
        made = queue(job("a"), job("b"), job("c", "b"))
        log = Log(made).whole("a", 0.0, outcome="failed").skip("b", 1.0, stop="a").skip("c", 1.0, stop="a")
        assert roots(log.state()).failed[0].skipped == ("b", "c")

    def test_a_chain_of_thousands_is_walked_once(self) -> None:
        made = queue(job("j0"), *(job(f"j{i}", f"j{i - 1}") for i in range(1, 5000)))
        log = Log(made).whole("j0", 0.0, outcome="failed")
        for i in range(1, 5000):
            log.skip(f"j{i}", 1.0, job=f"j{i - 1}")
        assert len(roots(log.state()).failed[0].skipped) == 4999


class TestSlowestPath:
    def test_leads_over_the_dependency_that_ended_last(self) -> None:
        made = queue(job("a"), job("b"), job("c", "a", "b"), job("d"))
        log = Log(made).whole("a", 0.0, 5.0).whole("b", 0.0, 1.0).whole("d", 0.0, 6.0).whole("c", 5.0, 2.0)
        assert [j.job.job_id for j in slowest_path(log.state())] == ["a", "c"]

    def test_leads_through_skipped_jobs(self) -> None:
        names = [j.job.job_id for j in slowest_path(failed_log().state())]
        assert names == ["prepare", "build", "cleanup"]

    def test_without_attempts_there_is_none(self) -> None:
        assert slowest_path(Log(queue(job("a"))).state()) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"outcome": "failed", "exit_code": 3}, "exit code 3"),
        ({"outcome": "failed", "signal": "SIGSEGV"}, "killed by SIGSEGV"),
        ({"outcome": "timed_out", "seconds": 30.2, "signal": "SIGTERM"}, "timed out after 30s"),
        (
            {"outcome": "out_of_memory", "reason": "probable", "signal": "SIGKILL"},
            "ran out of memory: probable",
        ),
        (
            {"outcome": "lost", "reason": "the runner ended while it ran"},
            "lost: the runner ended while it ran",
        ),
        (
            {"outcome": "failed", "cannot_start": True, "reason": "no such folder"},
            "could not start: no such folder",
        ),
        ({"outcome": "cancelled", "signal": "SIGTERM"}, "cancelled: killed by SIGTERM"),
        ({"outcome": "of_the_future"}, "lost"),
    ],
)
def test_how_an_attempt_ended(fields: dict[str, object], words: str) -> None:
    assert how(e.AttemptFinished(at=START, job_id="a", attempt=1, **fields)) == words  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("because", "words"),
    [
        ({"job": "build"}, "because of build"),
        ({"stop": "build"}, "the queue stops after a failure: build"),
        ({"when": "params.x"}, "its condition is false: params.x"),
        ({"cancel": ""}, "the run was cancelled"),
        ({"timeout": ""}, "the queue's time was over"),
        ({"handler": ""}, "not needed: nothing it handles failed"),
        ({"of-the-future": "x"}, "for a reason that this version does not know"),
    ],
)
def test_why_a_job_was_skipped(because: dict[str, str], words: str) -> None:
    state = Log(queue(job("a"))).skip("a", 0.0, **because).state()
    assert why_skipped(state.jobs["a"]) == words


def test_the_tally_leaves_out_what_is_zero() -> None:
    assert tally(failed_log().state()) == "2 succeeded, 2 failed, 3 skipped"
    assert tally(Log(queue(job("a"))).state()) == "1 waiting"


def test_the_verdict_of_each_phase() -> None:
    made = queue(job("a"))
    assert verdict(Log(made, started=False).state(), START) == f"{RUN_ID} not started: 1 waiting"
    live = Log(made).start("a", 0.0)
    assert verdict(live.state(), START + 61) == f"{RUN_ID} running after 1m1s: 1 running"
    live.finish("a", 2.0)
    assert verdict(live.over(2.0).state(), START + 99) == f"{RUN_ID} succeeded after 2s: 1 succeeded"
    stopped = Log(made).add(e.RunInterrupted(at=START + 3, reason="SIGINT"))
    assert verdict(stopped.state(), START + 99) == f"{RUN_ID} interrupted (SIGINT) after 3s: 1 waiting"
