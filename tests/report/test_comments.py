"""The comments on pull requests: as people read them, and whatever happens within the limits and harmless."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.events import JobFinished
from runner.model import Queue
from runner.plan import compare
from runner.problems import Location, Problem
from runner.report import markers
from runner.report.comment_final import final_comment
from runner.report.comment_live import live_comment
from runner.report.comment_plan import DETAILED, PlannedQueue, plan_comment, superseding
from runner.report.evidence import Evidence, StoredFile
from runner.report.links import Links, link
from runner.report.roots import roots
from runner.report.wording import NOT_GOOD, tally
from tests.builders import RUN_ID, START, Log, failed_log, job, plan, queue
from tests.github_markdown import assert_harmless
from tests.plan_examples import complex_pipeline, fan, preview, queues
from tests.report.comment_examples import (
    BROKEN,
    COST,
    EVIDENCE,
    HOSTILE,
    LINKS,
    PAST,
    PULLS,
    RUNS,
    SHA,
    fanned,
    hostile_runs,
    planned,
    pull,
    texts,
)
from tests.snapshots import assert_snapshot

NOW = START + 10.0
often = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
ASK = "comment on this pull request:\n\n```\n"


def final(log: Log, evidence: Evidence = EVIDENCE, **fields: object) -> str:
    return final_comment(plan(log.queue), log.state(), evidence, now=NOW, **{"links": LINKS, **fields})  # type: ignore[arg-type]


def live(log: Log, **fields: object) -> str:
    state = log.state()
    return live_comment(plan(log.queue), state, now=max(NOW, state.last_at + 2.5), links=LINKS, **fields)  # type: ignore[arg-type]


class TestFinal:
    @pytest.mark.parametrize("name", RUNS)
    def test_of_each_run(self, name: str) -> None:
        text = final(RUNS[name])
        assert_harmless(text)
        assert_snapshot(f"comments/final-{name}.md", text)

    def test_names_every_failure_class_and_what_to_type(self) -> None:
        for name, words in {
            "failed": "Class: signal.",
            "timed-out": "Class: timeout.",
            "queue-timed-out": "Class: the queue's timeout.",
            "cancelled": "Class: cancelled.",
            "lost": "Class: lost.",
            "out-of-memory": "Class: out of memory.",
        }.items():
            text = final(RUNS[name])
            assert words in text
            assert f"`/runner retry {RUN_ID}" in text

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"outcome": "failed", "exit_code": 3}, "It ended with exit code 3"),
            ({"outcome": "failed", "cannot_start": True, "reason": "no folder"}, "Class: cannot start."),
        ],
    )
    def test_names_how_an_attempt_ended(self, fields: dict[str, object], words: str) -> None:
        log = Log(queue(job("build"))).whole("build", 0.0, **fields)  # type: ignore[arg-type]
        assert words in final(log.over(1.0, "failed"))

    def test_a_job_that_left_no_result_failed_by_its_results(self) -> None:
        log = Log(queue(job("build"))).start("build", 0.0).end("build", 1.0)
        log.add(_finished("build", "no file matches out/*.csv"))
        assert "Class: results." in final(log.over(1.0, "failed"))

    def test_a_job_that_never_began_failed_by_its_expression(self) -> None:
        log = Log(queue(job("build"))).add(_finished("build", "jobs.x is undefined"))
        text = final(log.over(1.0, "failed"))
        assert "Class: expression." in text
        assert "/runner logs" not in text

    def test_a_run_that_was_lost_without_a_failure_says_what_to_type(self) -> None:
        log = Log(queue(job("one"))).start("one", 0.0).over(90.0, "lost")
        assert f"To run again what did not succeed, {ASK}/runner retry {RUN_ID}\n```" in final(log)
        assert "Run again" not in final(RUNS["succeeded"])

    def test_leads_to_the_result_files(self) -> None:
        kept = replace(LINKS, artifact="runner-runs")
        text = final(failed_log(), EVIDENCE, links=kept)
        page = f"[artifact `runner-runs`]({LINKS.report}#artifacts)"
        below = f"below `{RUN_ID}/jobs/JOB/ATTEMPT/results/`"
        line = f"Result files: 1, 12.3 kB: {page} (kept at most 90 days), {below}"
        assert f"\n\n{line}\n\n" in text.partition("<details")[0]
        assert "Result files: 1, " not in final(failed_log(), Evidence(), links=kept)

    def test_links_to_logs_where_there_are_any(self) -> None:
        text = final(RUNS["failed"])
        assert "More of its log: [its log](https://forge.test/team/project/logs/build)" in text
        bare = final_comment(plan(failed_log().queue), failed_log().state(), EVIDENCE, now=NOW)
        assert f"More of its log: `/runner logs {RUN_ID} build`" in bare

    def test_says_what_earlier_runs_let_expect(self) -> None:
        assert "by earlier runs about 1m; it took 9s" in final(RUNS["succeeded"], expected=60.0)

    def test_success_goes_before_the_ends_of_logs_and_those_before_failures(self) -> None:
        log = fanned(40, bad=12).over(99.0, "failed")
        tails = {f"chunk-{i}": tuple(f"line {n} " + "x" * 380 for n in range(20)) for i in range(12)}
        names = {"summaries": {"chunk-30": "told"}, "files": {"chunk-30": (_file(0),)}}
        evidence = Evidence(tails=tails, **names)  # type: ignore[arg-type]
        whole = final(log, evidence, limit=200_000)
        assert all(word in whole for word in ("line 0 ", "told", "```mermaid", "| `chunk-30` | succeeded"))
        text = final(log, evidence, limit=100_000)
        assert "line 0 " in text  # the ends of logs are complete
        text = final(log, evidence, limit=36_000)
        assert "line 0 " not in text
        assert "line 19 " in text
        assert "told" in text
        assert "_Left out, too long to show here: jobs, chart._" in text
        tiny = final(log, evidence, limit=6_000)
        assert "line 19 " not in tiny
        assert "### `chunk-9` failed" in tiny
        assert "And 2 more jobs did not succeed" in tiny
        for made in (whole, text, tiny):
            assert "❌ `A demonstration` failed" in made
            assert tally(log.state()) in made

    @often
    @given(hostile_runs())
    def test_is_harmless_whatever_a_job_did(self, run: tuple[Log, Evidence]) -> None:
        log, evidence = run
        text = final(log, evidence)
        assert_harmless(text)
        _assert_told(text, log)

    @settings(often, max_examples=4)
    @given(hostile_runs(31, 10_000))
    @pytest.mark.slow
    def test_is_harmless_however_large_the_run(self, run: tuple[Log, Evidence]) -> None:
        log, evidence = run
        text = final(log, evidence)
        assert_harmless(text)
        _assert_told(text, log)
        assert_harmless(live(log))

    @pytest.mark.parametrize("bad", [0, 50, 10_000])
    @pytest.mark.slow
    def test_ten_thousand_hostile_jobs(self, bad: int) -> None:
        made = Queue(queue_id="demo", queue_name=HOSTILE[0], jobs=tuple(job(f"j{i}") for i in range(10_000)))
        log = Log(made)
        for i in range(10_000):
            reason = HOSTILE[i % len(HOSTILE)] * 9
            log.whole(f"j{i}", 0.1 * i, outcome="failed" if i < bad else "succeeded", reason=reason)
        wide = tuple("🎈`" * 200 for _ in range(20))
        evidence = Evidence(
            tails={f"j{i}": wide for i in range(40)},
            summaries={f"j{i}": "🎈" * 9000 for i in range(100)},
            files={f"j{i}": (_file(i),) for i in range(10_000)},
        )
        log.over(9999.0, "failed" if bad else "succeeded")
        text = final(log, evidence)
        assert_harmless(text)
        _assert_told(text, log)


class TestLive:
    @pytest.mark.parametrize("name", RUNS)
    def test_of_each_run(self, name: str) -> None:
        text = live(RUNS[name])
        assert_harmless(text)
        assert_snapshot(f"comments/live-{name}.md", text)

    def test_estimates_from_earlier_runs(self) -> None:
        assert "10s so far, about 20s to go" in live(Log(queue(job("a"))).start("a", 0.0), before={"a": 30.0})

    def test_says_that_the_runner_is_gone(self) -> None:
        text = live(Log(queue(job("a"))).start("a", 0.0), died=True)
        assert "**Its runner is gone.**" in text
        assert f"To go on with it, {ASK}/runner resume {RUN_ID}\n```" in text
        assert "Stop it" not in text

    def test_silence_is_worth_a_word_after_some_time(self) -> None:
        log = Log(queue(job("a"))).start("a", 0.0)
        assert "ago" not in live(log)
        late = live_comment(plan(log.queue), log.state(), now=START + 600.0)
        assert "Last sign of life 2026-11-22 18:04:05 UTC, 10m ago" in late

    def test_generations_grow_with_the_log_and_from_run_to_run(self) -> None:
        first = markers.parse(live(Log(queue(job("a"))).start("a", 1.0)))
        second = markers.parse(live(Log(queue(job("a"))).start("a", 1.0).finish("a", 2.0)))
        assert first is not None
        assert second is not None
        assert second.generation > first.generation
        assert (first.kind, first.subject) == ("live", "demo")

    @often
    @given(hostile_runs())
    def test_is_harmless_whatever_a_job_did(self, run: tuple[Log, Evidence]) -> None:
        text = live(run[0])
        assert_harmless(text)
        for job_id, made in run[0].state().jobs.items():
            if made.outcome in NOT_GOOD:
                assert f"| `{job_id}` |" in text


class TestPlan:
    @pytest.mark.parametrize("name", PULLS)
    def test_of_each_pull_request(self, name: str) -> None:
        text = plan_comment(PULLS[name])
        assert_harmless(text)
        assert_snapshot(f"comments/plan-{name}.md", text)

    def test_a_broken_push_replaces_a_green_plan_and_remembers_it(self) -> None:
        green = plan_comment(PULLS["one"])
        marker = markers.parse(green)
        broken = plan_comment(superseding(pull(BROKEN, sha="f" * 40, generation=8), marker))
        assert broken.split("\n")[1].startswith("## ❌ Cannot run: 2 problems in 1 of 1 queue file")
        assert f"- `{SHA[:12]}`: 1 queue, 8 jobs, digest `sha256:426d" not in broken
        assert f"- `{SHA[:12]}`: 1 queue, 8 jobs, digest `sha256:" in broken
        assert "Digest:" not in broken

    def test_history_has_five_lines_and_each_commit_once(self) -> None:
        before = None
        for n in range(9):
            made = superseding(pull(BROKEN, sha=f"{n}" * 40, generation=n), before)
            before = markers.parse(plan_comment(made))
            again = superseding(made, before)  # the workflow was run again
            assert [past.sha for past in again.history] == [past.sha for past in made.history]
        assert before is not None
        assert [past.sha[0] for past in before.history] == ["7", "6", "5", "4", "3"]

    def test_says_what_the_last_push_changed(self) -> None:
        shown = planned(fan(3), pushed=compare(fan(2), fan(3)))
        assert "**Changes since the last push**\n\n- added `chunk-2`\n" in plan_comment(pull(shown))

    @pytest.mark.parametrize(
        ("starts", "says"),
        [
            (["merge"], "Merging runs it."),
            (["merge", "merge"], "Merging runs it."),
            (["manual", "merge", "schedule"], "Merging runs 1 of 3 queues."),
            (["manual"], "Merging runs nothing."),
        ],
    )
    def test_says_what_merging_runs(self, starts: list[str], says: str) -> None:
        made = [planned(replace(fan(2), run_on=run_on)) for run_on in starts]
        assert f"Planned at `0123456789ab`. {says}\n" in plan_comment(pull(*made))

    def test_a_cost_is_rounded_up(self) -> None:
        assert "(at most `$12.40`)" in plan_comment(pull(planned(fan(2), cost=COST)))

    def test_many_queues_are_in_the_table_and_those_that_are_broken_first(self) -> None:
        many = [replace(planned(fan(3)), source=f"queues/{i}.yaml") for i in range(60)]
        text = plan_comment(pull(*many, BROKEN))
        assert_harmless(text)
        assert text.count("### Plan of") == DETAILED - 1
        assert text.index("cannot run: 2 problems") < text.index("`queues/0.yaml` | ready")
        assert "| `queues/59.yaml` | ready |" in text

    def test_a_file_without_a_plan_is_a_problem_even_if_nothing_says_why(self) -> None:
        text = plan_comment(pull(PlannedQueue(source="queues/mute.yaml")))
        assert "## ❌ Cannot run: 1 problem in 1 of 1 queue file\n" in text
        assert "### `queues/mute.yaml` cannot run\n\n- It has no plan.\n" in text

    def test_places_are_links_to_their_lines(self) -> None:
        text = plan_comment(PULLS["broken"])
        assert f"(https://forge.test/team/project/blob/{SHA}/queues/new%20%281%29.yaml#L7)" in text

    def test_values_of_the_environment_are_not_in_it(self) -> None:
        made = queue(job("a", environment={"API_KEY": "hunter2"}))
        assert "hunter2" not in plan_comment(pull(planned(made)))
        assert "`API_KEY`" in plan_comment(pull(planned(made)))

    @settings(often, max_examples=25)
    @given(st.data())
    def test_is_harmless_whatever_a_file_says(self, data: st.DataObject) -> None:
        count = data.draw(st.integers(0, 3))
        made = tuple(_any_queue(data) for _ in range(count))
        removed = tuple(data.draw(st.lists(texts, max_size=3)))
        text = plan_comment(pull(*made, removed=removed, history=PAST))
        assert_harmless(text)
        if any(shown.broken for shown in made):
            assert "## ❌ Cannot run: " in text
            assert " cannot run\n" in text
        else:
            assert ("## ✅ Ready to run: " if made else "## Nothing to run") in text

    def test_the_worst_files_fit(self) -> None:
        wide = "🎈`|" * 4000
        problem = Problem(rule="x", message=wide, hint=wide, location=Location(file=wide, line=1))
        broken = PlannedQueue(source=wide, problems=(problem,) * 500)
        jobs = (job(f"job-{i}", command=wide, description=wide, when=wide) for i in range(200))
        made = preview(queue(*jobs, queue_name=wide), fan(200), problems=(problem,) * 99)
        shown = PlannedQueue(source=wide, preview=made, pushed=made.changes)
        text = plan_comment(pull(*[broken] * 30, *[shown] * 30))
        assert_harmless(text)
        assert "## ❌ Cannot run: 15,000 problems in 30 of 60 queue files" in text


def test_ids_that_no_file_could_have_are_only_text_too() -> None:
    """An artifact is written by strangers; whoever reads it checks ids, and here they are harmless anyway."""
    made = queue(*(job(text, *HOSTILE[max(0, i - 1) : i]) for i, text in enumerate(HOSTILE)))
    log = Log(made)
    for i, text in enumerate(HOSTILE[:-3]):
        log.whole(text, float(i), outcome="failed" if i % 2 else "succeeded")
    log.start(HOSTILE[-3], 50.0).skip(HOSTILE[-2], 50.0, job=HOSTILE[1])
    assert_harmless(plan_comment(pull(planned(made, pushed=compare(fan(2), made)))))
    assert_harmless(live(log))
    assert_harmless(final(log.over(60.0, "failed")))


class TestLinks:
    def test_only_a_url_becomes_a_link(self) -> None:
        assert link("words", "https://forge.test/a?b=c#d") == "[words](https://forge.test/a?b=c#d)"
        for url in ("javascript:alert(1)", "https://x.test/)![", "https://x.test/ y", "", "/x"):
            assert link("words", url) == "words"

    @given(texts)
    def test_a_file_name_is_only_text(self, name: str) -> None:
        place = Links(files="https://forge.test/blob/main").place(Location(file=name, line=3))
        assert_harmless(f"- {place}: `x`\n")


def _any_queue(data: st.DataObject) -> PlannedQueue:
    if data.draw(st.booleans()):
        problem = Problem(
            rule="x",
            message=data.draw(texts),
            hint=data.draw(texts),
            location=Location(file=data.draw(texts), line=data.draw(st.integers(0, 9))),
        )
        return PlannedQueue(source=data.draw(texts), problems=(problem,) * data.draw(st.integers(0, 40)))
    old, new = data.draw(queues()), data.draw(queues())
    made = preview(replace(new, queue_name=data.draw(texts)), old, base=data.draw(texts))
    return PlannedQueue(source=data.draw(texts), preview=made, pushed=compare(new, old))


def _assert_told(text: str, log: Log) -> None:
    """The verdict, the counts and each failure that has room; of the others how many."""
    state = log.state()
    assert f"**{tally(state)}** after" in text
    failed = roots(state).failed
    told = sum(f"### `{root.job.job.job_id}` " in text for root in failed)
    together = sum(int(number.replace(",", "")) for number in re.findall(r"^### ([\d,]+) jobs ", text, re.M))
    assert told >= min(5, len(failed) - together)
    if told + together < len(failed):
        assert f"And {len(failed) - told - together:,} more job" in text
    if failed:
        assert f"{ASK}/runner retry {RUN_ID}\n```" in text


def _file(number: int) -> StoredFile:
    return StoredFile(path=f"out/{number}-{HOSTILE[number % len(HOSTILE)]}", size=number, sha256="ab" * 32)


def _finished(job_id: str, reason: str) -> JobFinished:
    return JobFinished(at=START + 1, job_id=job_id, outcome="failed", reason=reason)


def test_a_complex_pipeline_is_the_same_on_a_laptop_and_in_the_forge() -> None:
    """Pure functions of their arguments: twice the same, byte for byte."""
    assert plan_comment(PULLS["one"]) == plan_comment(pull(planned(complex_pipeline(), cost=COST)))
