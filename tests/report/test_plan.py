"""A plan's reports: what people read as snapshots, what programs read by its fields, hostile text as text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from runner.model import Machine, Queue, Retry
from runner.plan import Preview, Prices, analyse, cost_of
from runner.plan.prices import RegionPrices
from runner.problems import Location, Problem, Severity
from runner.report.cost_words import money
from runner.report.escaping import code, fence, visible
from runner.report.mermaid import escape, flowchart
from runner.report.plan_json import plan_json
from runner.report.plan_markdown import plan_markdown
from runner.report.plan_text import plan_text
from tests.builders import job, many, queue
from tests.plan_examples import cleanup_pipeline, complex_pipeline, fan, preview, queues
from tests.snapshots import assert_snapshot


def edited() -> Preview:
    """A preview with every kind of change, and warnings of every origin."""
    old = complex_pipeline()
    jobs = {made.job_id: made for made in old.jobs}
    download = replace(
        jobs["download-data"], command="set -e\naws s3 sync s3://other/ raw/\nls raw | wc -l\n"
    )
    trainer = replace(jobs["train-model"], job_id="trainer")
    val = replace(jobs["preprocess-val"], depends_on=())
    evaluate = replace(
        jobs["evaluate"],
        depends_on=("trainer", "preprocess-test"),
        environment={"API_KEY": "hunter2"},
        retry=Retry(count=2),
    )
    new = queue(
        *(download, jobs["preprocess-train"], val, jobs["preprocess-test"], trainer, evaluate),
        *(jobs["export-onnx"], job("announce", "evaluate", description="Tell the team")),
        queue_id="complex-pipeline",
        queue_name="Nightly training",
        timeout=7200.0,
        machine=Machine(provider="local", options={"type": "m7i.large"}),
        unsupported=("This version does not send notifications (notify).",),
    )
    warning = Problem(
        rule="result-path",
        message="two jobs have one result path: out/`x`.csv",
        hint="give one of them another path",
        severity=Severity.WARNING,
        location=Location(file="queues/demo.yaml", line=12, column=5),
    )
    return preview(new, old, problems=(warning,))


PREVIEWS = {
    "complex": preview(complex_pipeline()),
    "cleanup": preview(cleanup_pipeline()),
    "fan-50": preview(fan(50)),
    "two-fans": preview(
        queue(*fan(40).jobs, *(replace(j, job_id=f"n{j.job_id}", depends_on=()) for j in many(90).jobs))
    ),
    "edited": edited(),
    "created": preview(queue(job("only", timeout=5.0)), compared=True),
    "unchanged": preview(fan(2), fan(2)),
}


@pytest.mark.parametrize("name", PREVIEWS)
def test_text(name: str) -> None:
    assert_snapshot(f"plan/{name}.txt", plan_text(PREVIEWS[name]))


def test_text_in_ascii_for_a_narrow_terminal() -> None:
    text = plan_text(PREVIEWS["edited"], width=60, unicode=False)
    assert text.isascii()
    assert_snapshot("plan/edited-narrow.txt", text)


@pytest.mark.parametrize("name", PREVIEWS)
@pytest.mark.parametrize("width", [40, 80, 200])
def test_text_keeps_to_the_width(name: str, width: int) -> None:
    lines = plan_text(PREVIEWS[name], width=width).splitlines()
    assert [line for line in lines if len(line) > width and not line.startswith("digest  ")] == []


def test_a_thousand_jobs_in_a_chain_are_a_table_by_level() -> None:
    chain = queue(*(job(f"j{i}", *([f"j{i - 1}"] if i else [])) for i in range(1000)))
    text = plan_text(preview(chain))
    assert "level   jobs\n    1      1  j0\n" in text
    assert "    …    940  in 940 more levels" in text


@pytest.mark.parametrize("name", ["complex", "cleanup", "edited", "created", "unchanged"])
def test_markdown(name: str) -> None:
    assert_snapshot(f"plan/{name}.md", plan_markdown(PREVIEWS[name]))


def test_markdown_has_no_chart_for_many_nodes() -> None:
    assert "```mermaid" in plan_markdown(preview(fan(22)))
    assert "```mermaid" not in plan_markdown(preview(fan(23)))


def test_a_warning_is_shown_once_where_the_validation_has_it_too() -> None:
    sentence = "This version does not send notifications (notify)."
    problem = Problem(rule="not-yet", message=sentence, location=Location(file="q.yaml", line=3, column=1))
    made = queue(job("a", timeout=1.0), unsupported=(sentence,))
    assert plan_markdown(preview(made, problems=(problem,))).count(sentence) == 1
    assert plan_markdown(preview(made)).count(sentence) == 1
    # The door shows problems beside the text, each with its place.
    assert sentence not in plan_text(preview(made, problems=(problem,)))
    assert sentence in plan_text(preview(made))


def test_values_of_the_environment_are_in_no_report() -> None:
    shown = PREVIEWS["edited"]
    for text in (plan_text(shown), plan_markdown(shown), plan_json(shown)):
        assert "hunter2" not in text
        assert "API_KEY" in text


def test_what_does_not_fit_is_left_out_in_order_and_named() -> None:
    made = preview(queue(*(job(f"job-{i}", command="x" * 3000, timeout=1.0) for i in range(18))))
    assert "… 2,700 more characters" not in plan_markdown(made, limit=70_000)
    assert plan_markdown(made, limit=10_000).count("… 2,700 more characters") == 18
    assert plan_markdown(made, limit=5_000).endswith("_Left out, too long to show here: commands._\n")
    tiny = plan_markdown(made, limit=100)
    assert tiny.endswith("_Left out, too long to show here: commands, graph, jobs._\n")
    assert tiny.startswith("### Plan of `demo`")


@pytest.mark.parametrize("count", [5, 200, pytest.param(10_000, marks=pytest.mark.slow)])
def test_markdown_keeps_to_its_limit(count: int) -> None:
    made = queue(*(job(f"job-{i}", command="🎈`" * 4000, description="|" * 500) for i in range(count)))
    text = plan_markdown(preview(made, fan(3)))
    assert len(text.encode("utf-16-le")) // 2 <= 60_000
    assert text.count("<details>") == text.count("</details>")


EVIL = "evil"
HOSTILE = (
    "@evil",
    "`@evil`",
    "``` @evil ```",
    "<img src=x onerror=evil>",
    "</details><b>evil</b>",
    "[evil](http://evil.example)",
    "![evil](http://evil.example/x.png)",
    "http://evil.example #1 evil/evil#2",
    "evil\n\n# evil\n\n```\nevil\n~~~\n",
    "| evil | evil |",
    "\\`evil`",
    "`" * 40 + "evil",
    "evil\r\n\u202eevil\x1b[31m\x00\u2028evil",
    "&lt;evil&gt; <!-- evil",
    "    evil\n\tevil",
)


def hostile(text: str) -> Preview:
    """Foreign text wherever a file, or whoever sends a plan, can put it."""
    made = queue(
        job("a", command=text, environment={text: text}, secrets={text: text}, description=text),
        job(f"b{text}", "a", command=("x", text), when=text, on_failure=f"c{text}"),
        job(f"c{text}", always_run=True),
        queue_id=text,
        queue_name=f"{text}!",
        machine=Machine(provider=text, options={"type": text}),
        params={text: text},
        unsupported=(text,),
        run_on=text,
        schedule=(text, text),
    )
    problem = Problem(rule="x", message=text, hint=text, location=Location(file=text, line=1, column=1))
    old = queue(job("a", command=f"{text}\n{text}", when=text), job(text), queue_id="x", params={text: 1})
    return preview(made, old, base=text, problems=(problem,))


def tokens(text: str) -> Iterator[Token]:
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        yield token
        yield from token.children or ()


def assert_harmless(markdown: str) -> None:
    ours = {"<details><summary>Commands and names of the environment (3)</summary>\n", "</details>\n"}
    for token in tokens(markdown):
        assert token.type not in {"link_open", "image", "html_inline"}
        if token.type == "html_block":
            assert token.content in ours
        elif token.type not in {"code_inline", "fence", "inline"}:
            assert EVIL not in token.content


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_text_stays_text_in_markdown(text: str) -> None:
    assert_harmless(plan_markdown(hostile(text)))


@given(pieces=st.lists(st.sampled_from([*HOSTILE, "`", "|", "\n", "\\", " ", "<"]), max_size=6))
def test_foreign_text_stays_text_however_it_is_put_together(pieces: list[str]) -> None:
    assert_harmless(plan_markdown(hostile("".join(pieces))))


@given(made=queues())
@pytest.mark.slow
def test_every_queue_can_be_shown(made: Queue) -> None:
    shown = preview(made, made)
    for text in (plan_text(shown), plan_markdown(shown)):
        assert text.encode()
    assert json.loads(plan_json(shown))


@given(text=st.text(alphabet="`ab |\n\\", max_size=12), cell=st.booleans())
def test_a_code_span_shows_its_text_and_nothing_else(text: str, cell: bool) -> None:
    span = code(text, cell=cell)
    markdown = f"| {span} |\n|---|\n" if cell else span
    found = [token for token in tokens(markdown) if token.type in {"code_inline", "text"} and token.content]
    expected = text.replace("\n", " ")
    if not expected.strip():
        assert found == []
    else:
        assert [token.type for token in found] == ["code_inline"]
        assert found[0].content.strip() == expected.strip()


@given(text=st.text(alphabet="`~ab \n\t", max_size=30))
def test_a_fence_shows_its_text_and_nothing_else(text: str) -> None:
    (block,) = tokens(fence(text, "sh"))
    assert (block.type, block.info) == ("fence", "sh")
    assert block.content == text.rstrip("\n") + "\n"


def test_nothing_in_a_command_is_hidden() -> None:
    """A reviewer sees that there is something, where a log would only drop it."""
    shown = visible("a\x1b]0;rm -rf /\x07b\rc\u202ed\u200be\u115ff\n\tg", keep="\n\t")
    assert shown == "a�]0;rm -rf /�b c�d�e�f\n\tg"


LINES = ("0 3 * * *", "5 4 * * sun", "1 1 1 1 *", "2 2 2 2 *")


@pytest.mark.parametrize(
    ("run_on", "schedule", "says"),
    [
        ("manual", (), "only by hand"),
        ("manual", LINES, "only by hand"),
        ("schedule", LINES[:1], "by the clock: `0 3 * * *` (UTC)"),
        ("merge", LINES[:2], "once merged, and by the clock: `0 3 * * *`, `5 4 * * sun` (UTC)"),
        (
            "schedule",
            LINES,
            "by the clock: `0 3 * * *`, `5 4 * * sun`, `1 1 1 1 *` and 1 more (UTC)",
        ),
    ],
)
def test_when_a_queue_runs_is_said_where_it_is_not_simply_on_a_merge(
    run_on: str, schedule: tuple[str, ...], says: str
) -> None:
    made = preview(replace(fan(2), run_on=run_on, schedule=schedule))
    assert f"- Runs: {says}\n" in plan_markdown(made)
    assert f"runs    {says.replace('`', '')}\n" in plan_text(made)
    assert json.loads(plan_json(made))["schedule"] == list(schedule)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"group": "gpu"}, "one run of the group {} at a time: a second one waits"),
        (
            {"group": "gpu", "policy": "cancel"},
            "one run of the group {} at a time: a second one cancels the first",
        ),
        (
            {"group": "gpu", "policy": "reject"},
            "one run of the group {} at a time: a second one does not start",
        ),
    ],
)
def test_whose_turn_it_is_is_said_where_the_file_does(fields: dict[str, str], says: str) -> None:
    made = preview(queue(job("a"), **{f"concurrency_{name}": value for name, value in fields.items()}))
    assert f"\nturns   {says.format('gpu')}\n" in plan_text(made, width=120)
    assert f"\n- Concurrency: {says.format('`gpu`')}\n" in plan_markdown(made)
    assert json.loads(plan_json(made))["concurrency"] == {"policy": "wait", **fields}
    assert "turns" not in plan_text(preview(queue(job("a"))))


def test_a_queue_that_runs_on_a_merge_does_not_say_so() -> None:
    made = preview(fan(2))
    assert "- Runs:" not in plan_markdown(made)
    assert "\nruns " not in plan_text(made)
    assert json.loads(plan_json(made))["run_on"] == "merge"


def test_json_is_stable() -> None:
    assert_snapshot("plan/edited.json", plan_json(PREVIEWS["edited"]))


def test_json_without_comparison_has_null() -> None:
    assert json.loads(plan_json(PREVIEWS["complex"]))["changes"] is None


@pytest.mark.parametrize("name", ["complex", "cleanup"])
def test_mermaid(name: str) -> None:
    assert_snapshot(f"plan/{name}.mmd", flowchart(PREVIEWS[name].plan.queue))


@given(text=st.text(max_size=20))
def test_a_mermaid_label_has_only_letters_and_codes(text: str) -> None:
    assert set(escape(text)) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._-#;")


def test_mermaid_labels_can_be_decoded() -> None:
    assert escape('a"b]#c') == "a#34;b#93;#35;c"
    assert escape("x" * 100) == "x" * 79 + "#8230;"


PRICES = Prices(regions={"us-east-1": RegionPrices(as_of="2026-07", types={"a.large": 0.1, "b.large": 0.25})})


BESIDES = "(its timeouts, and 15m to boot and to store)"
REST = "3 machines: first + 2 automatic resumes; instance only; prices of 2026-07)"


def on_ec2(*, region: str = "us-east-1", timeout: float | None = None, **options: Any) -> Preview:
    machine = Machine(provider="ec2", options=options)
    made = replace(queue(job("a", timeout=timeout)), machine=machine)
    bound = analyse(made).bound
    return preview(made, cost=cost_of(made, bound, region=region, prices=PRICES))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"type": "a.large"}, f"at most $1.20 (a.large, us-east-1, $0.10/h × 4h × {REST}"),
        (
            {"type": "a.large", "fallback": ["b.large"], "ttl": "90m"},
            f"at most $1.13 (b.large, the dearest of a.large, b.large, us-east-1, $0.25/h × 1h30m × {REST}",
        ),
        (
            {"type": "b.large", "timeout": 1790.0},
            f"at most $0.57 (b.large, us-east-1, $0.25/h × 45m {BESIDES} × {REST}",
        ),
        ({"type": "p9.large"}, "unknown: no price known for p9.large in us-east-1"),
        (
            {"type": "a.large", "region": ""},
            "unknown: no region is set (`aws.region` in .github/runner.yaml, or `machine.region`)",
        ),
    ],
)
def test_the_bound_on_cost_says_what_it_is_made_of(options: dict[str, Any], says: str) -> None:
    made = on_ec2(**options)
    text = " ".join(plan_text(made).split())
    assert f"bound on cost {says}" in text
    assert f"- Cost: {says}\n" in plan_markdown(made).replace("`", "").replace(
        "(aws.region in .github/runner.yaml, or machine.region)",
        "(`aws.region` in .github/runner.yaml, or `machine.region`)",
    )


def test_programs_get_the_cost_in_its_parts() -> None:
    cost = json.loads(plan_json(on_ec2(type="a.large", fallback=["b.large"])))["cost"]
    assert cost == {
        "at_most": 3.0, "currency": "USD", "machine_type": "b.large", "machine_types": ["a.large", "b.large"],
        "region": "us-east-1", "per_hour": 0.25, "seconds": 14400, "by": "ttl", "machines": 3,
        "prices_as_of": "2026-07", "unknown": [],
    }  # fmt: skip
    unknown = json.loads(plan_json(on_ec2(type="p9.large")))["cost"]
    assert (unknown["at_most"], unknown["per_hour"], unknown["unknown"]) == (None, None, ["p9.large"])
    assert json.loads(plan_json(PREVIEWS["complex"]))["cost"] is None


@pytest.mark.parametrize(
    ("dollars", "shown"),
    [
        (0.0, "$0.00"),
        (0.001, "$0.01"),
        (1.1, "$1.10"),
        (0.29, "$0.29"),
        (12.391, "$12.40"),
        (1234.5, "$1,234.50"),
    ],
)
def test_money_is_rounded_up_and_no_further(dollars: float, shown: str) -> None:
    assert money(dollars) == shown
