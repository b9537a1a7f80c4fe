"""Every chart in a report, parsed by Mermaid itself: GitHub shows a red box where it cannot."""

from __future__ import annotations

import hashlib
import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import pytest

from runner.model import Job
from runner.report.comment_final import final_comment
from runner.report.comment_live import live_comment
from runner.report.evidence import Evidence
from runner.report.gantt import BARS, gantt
from runner.report.mermaid import STYLES, flowchart
from tests.builders import START, Log, job, plan, queue
from tests.github_markdown import page
from tests.report.comment_examples import HOSTILE, fanned
from tests.snapshots import FOLDER
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("mermaid")]
HERE = Path(__file__).parents[1] / "mermaid"
WORDS = (
    *("section", "title", "end", "click", "graph", "subgraph", "class", "style", "default", "dateFormat"),
    *(
        "done",
        "crit",
        "active",
        "milestone",
        "excludes",
        "today",
        "gantt",
        "flowchart",
        "TD",
        "o",
        "x",
        "call",
    ),
    *("vert", "weekday", "axisFormat", "href", "linkStyle", "classDef", "direction", "accTitle", "0", "1.5"),
    *("a--b", "x-.-y", "0123456", "a" * 63),
)
"""Job ids that are words or signs of Mermaid's languages."""


@pytest.fixture(scope="module")
def modules() -> Path:
    """Mermaid as `package-lock.json` pins it, installed once into a cache."""
    lock = (HERE / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "queue-runner-tests"
    folder = cache / f"mermaid-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not (folder / "installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        made = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert made.returncode == 0, f"npm ci does not work in {folder}: {made.stderr}"
        (folder / "installed").touch()
    return folder


def parsed(modules: Path, charts: list[str]) -> list[dict[str, Any]]:
    shutil.copy(HERE / "parse.mjs", modules)
    made = subprocess.run(
        ["node", "parse.mjs"],
        cwd=modules,
        input=json.dumps(charts),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
        env={**os.environ, "TZ": "UTC"},
    )
    answers: list[dict[str, Any]] = json.loads(made.stdout)
    assert len(answers) == len(charts)
    wrong = [(answer, chart) for answer, chart in zip(answers, charts, strict=True) if "error" in answer]
    assert wrong == []
    return answers


def label(text: str) -> str:
    """What a reader sees of a label that Mermaid holds with its codes hidden."""
    return html.unescape(re.sub(r"ﬂ°°?(\w+)¶ß", r"&#\1;", text))


def test_charts_of_every_comment(modules: Path) -> None:
    texts = [path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("comments/*.md"))]
    charts = [chart for text in texts for chart in page(text).mermaid]
    kinds = [answer["type"] for answer in parsed(modules, charts)]
    assert kinds.count("gantt") > 8
    assert kinds.count("flowchart-v2") > 8


def test_charts_of_plans(modules: Path) -> None:
    charts = [path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("plan/*.mmd"))]
    assert len(charts) >= 2
    assert {answer["type"] for answer in parsed(modules, charts)} == {"flowchart-v2"}


def test_words_of_the_language_are_only_names(modules: Path) -> None:
    made = queue(*(job(word, *WORDS[max(0, i - 1) : i]) for i, word in enumerate(WORDS)))
    log = Log(made)
    for i, word in enumerate(WORDS):
        log.whole(word, float(i), 0.5, "failed" if i % 2 else "succeeded")
    flow, bars = parsed(modules, [flowchart(made), gantt(log.state(), len(WORDS))])
    assert [label(text) for text in flow["labels"]] == list(WORDS)
    assert flow["edges"] == len(WORDS) - 1
    assert [task["name"].partition(" ")[2] for task in bars["tasks"]] == list(WORDS)
    assert [task["from"] for task in bars["tasks"]] == [1000 * (START + i) for i in range(len(WORDS))]
    assert {task["to"] - task["from"] for task in bars["tasks"]} == {500}
    assert [task["bad"] for task in bars["tasks"]] == [bool(i % 2) for i in range(len(WORDS))]


def test_any_text_is_only_text(modules: Path) -> None:
    """Ids keep to their pattern; these charts would stand even if they did not."""
    made = queue(*(Job(job_id=text, command="true", on_failure=HOSTILE[0]) for text in HOSTILE))
    log = Log(made)
    for i, text in enumerate(HOSTILE):
        log.whole(text, float(i))
    flow, bars = parsed(modules, [flowchart(made), gantt(log.state())])
    assert flow["edges"] == len(flow["labels"]) == len(HOSTILE)
    assert len(bars["tasks"]) == len(HOSTILE)


def test_live_charts_say_each_state_in_words(modules: Path) -> None:
    states = ("succeeded", "failed", "timed_out", "out_of_memory", "cancelled", "lost", "reused")
    log = Log(
        queue(*(job(f"j-{state}") for state in states), job("r"), job("b", retries=1), job("w"), job("s"))
    )
    for state in states:
        log.whole(f"j-{state}", 0.0, outcome=state)
    log.start("r", 1.0).start("b", 1.0).end("b", 2.0, "failed").retrying("b", 2.0, 9.0).skip(
        "s", 1.0, when="x"
    )
    text = live_comment(plan(log.queue), log.state(), now=START + 3)
    (answer,) = parsed(modules, page(text).mermaid)
    words = [label(text).partition("<br>")[2] for text in answer["labels"]]
    assert words[:3] == ["succeeded", "failed", "timed out"]
    assert words[-4:] == ["running", "backing off", "waiting", "skipped"]
    assert sorted(answer["styles"]) == sorted(STYLES)


def test_random_runs(modules: Path) -> None:
    chance = Random(7)
    logs = [_random_log(chance) for _ in range(60)]
    texts = [final_comment(plan(log.queue), log.state(), Evidence(), now=START) for log in logs]
    texts += [live_comment(plan(log.queue), log.state(), now=START + 99) for log in logs]
    charts = [chart for text in texts for chart in page(text).mermaid]
    assert len(charts) > 60
    parsed(modules, charts)


def test_a_large_run_has_a_chart_that_fits_on_a_screen(modules: Path) -> None:
    (answer,) = parsed(modules, [gantt(fanned(1000, bad=3).state())])
    names = [task["name"] for task in answer["tasks"]]
    assert len(names) == BARS
    assert {"✗ chunk-0", "✗ chunk-1", "✗ chunk-2", "✓ chunk-999"} < set(names)


def _random_log(chance: Random) -> Log:
    count = chance.randint(1, 40)
    made = queue(*(job(f"j{i}", *(f"j{d}" for d in range(i) if chance.random() < 0.1)) for i in range(count)))
    log = Log(made)
    for i in range(count):
        for attempt in range(chance.randint(0, 3)):
            log.start(f"j{i}", 10.0 * attempt + chance.random())
            if chance.random() < 0.8:
                seconds = 10.0 * attempt + chance.choice([1.0, 1.0001, 9.0])
                log.end(f"j{i}", seconds, "failed").retrying(f"j{i}", seconds, 1.0)
            else:
                break
    return log
