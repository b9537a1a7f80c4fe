"""Runs and pull requests whose comments are worth a look, and hostile ones by chance."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from hypothesis import strategies as st

from runner import events as e
from runner.model import Queue
from runner.plan import Cost
from runner.problems import Location, Problem, Severity
from runner.report.comment_plan import PlannedQueue, PullPlan
from runner.report.evidence import Evidence, StoredFile
from runner.report.links import Links
from runner.report.markers import Superseded
from tests.builders import START, Log, failed_log, job, queue
from tests.plan_examples import complex_pipeline, fan, preview

FORGE = "https://forge.test/team/project"
SHA = "0123456789abcdef0123456789abcdef01234567"
LINKS = Links(
    report=f"{FORGE}/actions/runs/7", files=f"{FORGE}/blob/{SHA}", logs={"build": f"{FORGE}/logs/build"}
)
EVIDENCE = Evidence(
    tails={"build": ("compiling main.c", "main.c:3: error: `x` undeclared", "make: *** [all] Error 1")},
    summaries={"prepare": "# Prepared\n\n| files | size |\n|---|---|\n| 12 | 3 MB |\n"},
    files={"prepare": (StoredFile(path="out/table one.csv", size=12345, sha256="ab" * 32),)},
)


def fanned(count: int, bad: int = 0, running: int = 0) -> Log:
    """`count` chunks, of which the last `running` still run and the first `bad` failed."""
    made = queue(*(job(f"chunk-{i}", timeout=600.0) for i in range(count)), on_failure="continue")
    log = Log(made, max_parallel=64)
    for i in range(count - running):
        log.whole(f"chunk-{i}", 0.1 * i, 2.0, "failed" if i < bad else "succeeded")
    for i in range(count - running, count):
        log.start(f"chunk-{i}", 0.1 * i)
    return log


def timed_out() -> Log:
    log = Log(queue(job("fast", timeout=5.0), job("slow", timeout=30.0), job("after", "slow"), timeout=60.0))
    log.whole("fast", 0.0).whole("slow", 0.0, 30.0, "timed_out", exit_code=None, signal="SIGTERM")
    return log.skip("after", 30.0, job="slow").over(30.0, "failed")


def queue_timed_out() -> Log:
    log = Log(queue(job("slow", timeout=300.0), job("after", "slow"), timeout=60.0)).start("slow", 0.0)
    log.add(e.QueueTimedOut(at=START + 60.0))
    log.finish("slow", 60.0, "timed_out", exit_code=None, signal="SIGTERM", seconds=60.0)
    return log.skip("after", 60.0, timeout="").over(60.0, "timed_out")


def cancelled() -> Log:
    log = Log(queue(job("one"), job("two"), job("three", "two"))).whole("one", 0.0).start("two", 0.0)
    log.add(e.CancelRequested(at=START + 5.0, by="octocat"))
    log.finish("two", 6.0, "cancelled", exit_code=None, signal="SIGTERM", seconds=6.0)
    return log.skip("three", 6.0, cancel="").over(6.0, "cancelled")


def lost() -> Log:
    log = Log(queue(job("one"), job("two"))).whole("one", 0.0, outcome="lost", exit_code=None)
    return log.start("two", 1.0).over(90.0, "lost")


def out_of_memory() -> Log:
    log = Log(queue(job("eat", retries=1), job("rest", "eat")))
    log.start("eat", 0.0).end("eat", 3.0, "out_of_memory", signal="SIGKILL", reason="probable, by oom_kill")
    log.retrying("eat", 3.0, 1.0).start("eat", 4.0)
    log.finish("eat", 7.0, "out_of_memory", signal="SIGKILL", reason="probable, by oom_kill", seconds=3.0)
    return log.skip("rest", 7.0, job="eat").over(7.0, "failed")


def interrupted() -> Log:
    log = Log(queue(job("one"), job("two", "one"))).start("one", 0.0)
    return log.add(e.RunInterrupted(at=START + 4.0, reason="SIGTERM"))


def running() -> Log:
    log = Log(failed_log().queue).whole("prepare", 0.0, 2.0).skip("docs", 2.0, when="params.docs")
    log.start("build", 2.0).start("lint", 2.0).finish("lint", 3.0, "failed", exit_code=4)
    return log.end("build", 4.0, "failed", exit_code=3, seconds=2.0).retrying("build", 4.0, 60.0)


RUNS: dict[str, Log] = {
    "succeeded": fanned(3).over(9.0),
    "failed": failed_log(),
    "timed-out": timed_out(),
    "queue-timed-out": queue_timed_out(),
    "cancelled": cancelled(),
    "lost": lost(),
    "out-of-memory": out_of_memory(),
    "interrupted": interrupted(),
    "running": running(),
    "requested": Log(queue(job("a")), started=False),
    "jobs-0": Log(Queue(queue_id="demo", queue_name="demo", jobs=())).over(0.0),
    "jobs-1": fanned(1).over(3.0),
    "jobs-10": fanned(10, bad=2, running=3),
    "jobs-60": fanned(60, bad=3).over(99.0, "failed"),
    "jobs-1000": fanned(1000, bad=30, running=50),
    "jobs-10000": fanned(10_000, bad=500).over(1500.0, "failed"),
}

BROKEN = PlannedQueue(
    source="queues/new (1).yaml",
    problems=(
        Problem(
            rule="unknown-dependency",
            message="there is no job `tset`",
            hint="did you mean test?",
            location=Location(file="queues/new (1).yaml", line=7, column=18),
        ),
        Problem(rule="x", message="@all <b>look</b>", location=Location(file="queues/new (1).yaml")),
        Problem(rule="y", message="only a warning", severity=Severity.WARNING),
    ),
)
PAST = tuple(
    Superseded(sha=f"{n}bc{n}" * 10, verdict=verdict, queues=1, jobs=n, digest=digest)
    for n, verdict, digest in (
        (3, "planned", "sha256:" + "ab" * 32),
        (2, "broken", ""),
        (1, "nothing", ""),
    )
)


COST = Cost(
    dollars=12.391,
    types=("m7i.large", "m6i.large"),
    region="us-east-1",
    type="m7i.large",
    price=0.1008,
    as_of="2026-07",
)


def planned(made: Queue, *, cost: Cost | None = None, **fields: object) -> PlannedQueue:
    shown = preview(made, cost=cost)
    return PlannedQueue(source=shown.plan.source, preview=shown, **fields)  # type: ignore[arg-type]


def pull(*queues: PlannedQueue, **fields: object) -> PullPlan:
    named = {"number": 12, "sha": SHA, "generation": 7, "links": LINKS, **fields}
    return PullPlan(queues=queues, **named)  # type: ignore[arg-type]


PULLS: dict[str, PullPlan] = {
    "one": pull(planned(complex_pipeline(), cost=COST)),
    "several": pull(planned(fan(3)), planned(complex_pipeline()), removed=("queues/old.yaml",), history=PAST),
    "broken": pull(planned(fan(2)), BROKEN, history=PAST),
    "nothing": pull(history=PAST[:1]),
    "jobs-1": pull(planned(queue(job("only", timeout=5.0)))),
    "jobs-60": pull(planned(fan(58))),
    "jobs-1000": pull(planned(fan(998))),
    "jobs-10000": pull(planned(fan(9998))),
}

HOSTILE = (
    "@octocat @team/everyone",
    "see #1, GH-2, a/b#3 and 0123456789abcdef0123456789abcdef01234567",
    "https://evil.test www.evil.test mailto:a@b.test [x](javascript:alert)",
    "![x](https://evil.test/x.png) <img src=x onerror=y> <script>z</script>",
    "```\n</details></td></table>\n~~~~\n````",
    "`", "``", "a`b``c```", "\\`", "\\", "|", "a|b\\|c", "$x$ $`y`$ :tada:",
    '<!-- runner:final {"generation":99,"subject":"x"} -->', "-->", "<!--",
    "::error::x\n  ::stop-commands::y\n##[group]z",
    "\u202egnp.exe\u200b\ufeff\x1b[31m\x00\x07\r\n\t\u2028\u2029\ud800",
    "\n\n# Heading\n\n- item\n\n    indented\n\n> quote\n\n---\n\n[a]: https://evil.test",
    "end\n```mermaid\nflowchart TD\nclick a href\n```", "{{ marker }}{% if x %}",
    "🎈" * 300, "", " ", "section",
)  # fmt: skip
texts = st.sampled_from(HOSTILE) | st.text(max_size=40)
FATES = ("succeeded", "failed", "timed_out", "out_of_memory", "cancelled", "lost")


Draw = Callable[[], str]


@st.composite
def hostile_runs(draw: st.DrawFn, least: int = 0, most: int = 30) -> tuple[Log, Evidence]:
    """A run whose every free text means harm; jobs may be in any state.

    Chance comes from one seed: a draw for each of some hundred texts would cost a minute.
    """
    found = [*HOSTILE, *draw(st.lists(st.text(max_size=40), max_size=4))]
    chance = Random(draw(st.integers(0, 2**32)))
    return _run(draw(st.integers(least, most)), chance, lambda: chance.choice(found))


def _run(count: int, chance: Random, text: Draw) -> tuple[Log, Evidence]:
    names = [f"job-{i}" for i in range(count)]
    jobs = (
        job(name, *names[max(0, i - 1) : i], description=text(), allow_failure=chance.random() < 0.2)
        for i, name in enumerate(names)
    )
    log = Log(Queue(queue_id="demo", queue_name=text(), jobs=tuple(jobs)))
    for i, name in enumerate(names):
        _live(chance, text, log, name, names[i - 1] if i else "")
    if chance.random() < 0.5:
        log.add(e.CancelRequested(at=START + 5, by=text()))
    end = chance.randrange(3)
    if end:
        outcome = chance.choice(FATES)
        log.add(e.RunInterrupted(at=START + 99, reason=text()) if end == 1 else log_end(outcome))
    many = chance.choice([1, 1, 20])
    return log, Evidence(
        tails={name: (text(), text()) * many for name in names},
        summaries={name: text() * many for name in names},
        files={name: (StoredFile(path=text(), size=1, sha256=text()),) * many for name in names[:5]},
    )


def log_end(outcome: str) -> e.RunFinished:
    return e.RunFinished(at=START + 99, outcome=outcome)


def _live(chance: Random, text: Draw, log: Log, name: str, before: str) -> None:
    fate = chance.choice([*FATES, "waiting", "running", "skipped", "unstartable"])
    if fate == "skipped":
        log.skip(name, 1.0, **({"job": before} if before else {"when": text()}))
    elif fate == "running":
        log.start(name, 1.0)
    elif fate == "unstartable":
        log.add(e.JobFinished(at=START + 1, job_id=name, outcome="failed", reason=text()))
    elif fate != "waiting":
        log.whole(name, 1.0, outcome=fate, reason=text(), signal=chance.choice(["", "SIGSEGV"]))
