"""A pull request of somebody who means harm, from its plan to a command in it: the real commands, one after
another. Nothing of it runs before it is merged, nothing pings, nothing links elsewhere, nothing leaks."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass

import pytest

from runner.demo.world import AUTHOR, REPOSITORY
from runner.ports import PullRequest
from runner.report import clean
from tests.github_markdown import assert_harmless
from tests.hostile_world import (
    ALL,
    FORK,
    MALLORY,
    MARKER,
    PWNED,
    SECRET,
    SERVER,
    TEXTS,
    TOKEN,
    HostileWorld,
    Step,
    new_world,
    workflow_commands,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("hostile pull")]

BRANCH = (
    f"fix`touch${{IFS}}{PWNED}`$(touch${{IFS}}{PWNED});'\"<img/src=x/onerror=alert(1)>@everyone%0A\u202e#1"
)
NAMES = (
    "a b.yaml",
    "'\"`;.yaml",
    f"$(touch {PWNED}).yaml",
    "::error::x.yaml",
    "##[error]x.yaml",
    "%0A::error::y.yaml",
    "-rf.yaml",
    "@everyone #1 <b>.yaml",
    "[x](https:,,evil.test).yaml",
    "new\nline::error::.yaml",
    "bidi\u202egnp.yaml",
    "zero\u200bwidth.yaml",
)
SCRIPT = """\
import os, pathlib, sys
text = pathlib.Path("texts").read_bytes().decode()
sys.stdout.reconfigure(newline="")
sys.stderr.reconfigure(newline="")
print(text); print(text, file=sys.stderr)
pathlib.Path(os.environ["RUNNER_SUMMARY"]).write_bytes(text.encode())
pathlib.Path(os.environ["RUNNER_OUTPUT"]).write_text("text=" + __import__("json").dumps(text))
folder = pathlib.Path(os.environ["RUNNER_RESULT_DIR"])
for name in text.split("\\n"):
    (folder / name.replace("/", "_")[:80]).write_text(name)
sys.exit(3)
"""
LITERAL = ALL.replace("${{", "$")
QUEUE = {
    "queue_id": "q",
    "queue_name": LITERAL,
    "on_failure": "continue",
    "params": {"name": {"type": "string", "default": TEXTS[7], "description": LITERAL}},
    "jobs": [
        {
            "job_id": "loud",
            "description": LITERAL,
            "command": f"echo merged > {PWNED}-AFTER-THE-MERGE; exec python3 -I script.py",
            "environment": {"TEXT": LITERAL},
            "result_when": "always",
        },
        {"job_id": "given", "command": "printf %s ${{ params.name | q }} >&2; exit 1"},
        {
            "job_id": "late",
            "depends_on": ["loud"],
            "when": "${{ jobs.loud.outputs.text }}",
            "command": "echo ${{ jobs.loud.outputs.text | q }}",
        },
    ],
}
LAX = "policy: {require_digest: false, environment: [CANARY]}\ncommands: {allow: [mallory]}\n"
BROKEN = {
    ALL: ALL,
    "queue_id": ALL,
    "jobs": [
        {"job_id": text, "command": "x", "depends_on": [text + "?"], text: text, "timeout": text}
        for text in TEXTS
    ],
}
CODE_ALL_AROUND = {
    "sitecustomize.py": f"open('{PWNED}', 'w')\n",
    "usercustomize.py": f"open('{PWNED}', 'w')\n",
    "conftest.py": f"open('{PWNED}', 'w')\n",
    "runner/__init__.py": f"open('{PWNED}', 'w')\n",
    "runner/__main__.py": f"open('{PWNED}', 'w')\n",
    "json.py": f"open('{PWNED}', 'w')\n",
    "jinja2/__init__.py": f"open('{PWNED}', 'w')\n",
    "templates/comments/plan.md.j2": f"{{{{ ''.__class__ }}}} @everyone touch {PWNED}\n",
    "templates/comments/final.md.j2": "@everyone\n",
    "schemas/plan.schema.json": "{}\n",
    ".gitattributes": "* filter=evil diff=evil merge=evil -text\n",
    ".gitmodules": f'[submodule "x"]\n\tpath = x\n\turl = --upload-pack=touch {PWNED}\n',
    ".github/workflows/runner-plan.yaml": "on: pull_request\npermissions: write-all\n",
    "script.py": SCRIPT,
    "texts": ALL,
}


@dataclass
class Played:
    """The world after the loop. `plain` was well-formed and merged, `odd` neither."""

    world: HostileWorld
    plain: PullRequest
    odd: PullRequest
    before_the_merge: list[str]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """All of it, once: the tests look at what is left."""
    world = new_world(tmp_path_factory.mktemp("world"))
    plain = _proposed(world, 7, "-- @everyone $(touch PWNED) `x`", BRANCH, {"queues/q.yaml": QUEUE})
    files = {f"queues/{name}": QUEUE | {"queue_id": f"q{i}"} for i, name in enumerate(NAMES)}
    odd = _proposed(world, 8, ALL, "odd", files | {"queues/broken.yaml": BROKEN}, LAX)
    for pull in (plain, odd):
        world.plan(pull)
        world.comment(pull)
    before = [str(path) for path in world.folder.rglob(f"{PWNED}*")]
    plain = world.squash(plain)
    world.merge(plain)
    (run,) = [path.name for path in world.runs_here()]
    asked = world.forge.put_comment(7, f"/runner retry {run}", author=MALLORY)
    world.command(asked, "--check")
    world.command(asked)
    world.command(world.forge.put_comment(7, f"/runner logs {run} loud", author=AUTHOR))
    world.command(world.forge.put_comment(7, "/runner " + TEXTS[10], author=AUTHOR))
    return Played(world, plain, odd, before)


def _proposed(
    world: HostileWorld, number: int, title: str, branch: str, queues: dict[str, object], config: str = ""
) -> PullRequest:
    """From a fork, with everything changed that could steer its own workflow."""
    world.git("checkout", "--quiet", "-b", branch, "main")
    texts = {name: json.dumps(queue) for name, queue in queues.items()}
    world.commit(title, CODE_ALL_AROUND | texts | {".github/runner.yaml": config})
    world.git("checkout", "--quiet", "main")
    return world.open_pull(number, title, branch, head_repository=FORK)


MERGED_WITH = f"{PWNED}-AFTER-THE-MERGE"


def steps(played: Played, name: str) -> list[Step]:
    return [step for step in played.world.steps if step.name == name]


def test_nothing_of_it_runs_before_the_merge_and_then_its_queue_alone(played: Played) -> None:
    assert played.before_the_merge == []
    assert {path.name for path in played.world.folder.rglob(f"{PWNED}*")} == {MERGED_WITH}


def test_every_step_did_its_work(played: Played) -> None:
    done = [(step.name, step.exit_code) for step in played.world.steps]
    assert done == [
        *(("plan", 0), ("comment", 0), ("plan", 1), ("comment", 0), ("merge", 0)),
        *(("command", 0), ("command", 0), ("command", 0), ("command", 0)),
    ]


@pytest.mark.parametrize("number", [7, 8])
def test_nothing_is_live_in_what_we_say(played: Played, number: int) -> None:
    said = played.world.said(number)
    # A run that is over before anybody looked has no live comment.
    assert len(said) in {7: (5, 6), 8: (1,)}[number]
    for body in said:
        assert_harmless(body, links=f"{SERVER}/{REPOSITORY}/")
    assert "class 'str'" not in "".join(said)


def test_nothing_is_live_in_the_summaries(played: Played) -> None:
    for step in played.world.steps:
        text = re.sub(r"\A#[78]: ", "", step.summary)  # the number of the pull request, in our own words
        assert_harmless(text, links=f"{SERVER}/{REPOSITORY}/")


def test_every_hostile_text_was_there_to_be_shown(played: Played) -> None:
    """Or else the tests around would say nothing."""
    told = "".join([*played.world.said(7), *(step.summary for step in played.world.steps)])
    for text in ("@everyone", "<img", "</details>", "https://evil.test", MARKER, "tada", f"touch {PWNED}"):
        assert text in told
    for text in ("%0A::error::y.yaml", "-rf.yaml", "# #[error]x.yaml"):
        assert text in "".join(played.world.said(8))


def test_no_line_of_a_log_is_a_command_but_our_own_annotations(played: Played) -> None:
    ours = re.compile(r"::(error|warning) (file=[^:,]*,line=\d+,(col=\d+,)?)?title=[a-z-]+::[^\r\n]*")
    for step in played.world.steps:
        found = workflow_commands(step.log)
        assert [line for line in found if step.name != "plan" or not ours.fullmatch(line)] == []
    assert any(workflow_commands(step.log) for step in steps(played, "plan"))


def test_outputs_are_those_of_the_check_alone(played: Played) -> None:
    given = [step.outputs for step in played.world.steps]
    check = played.world.steps[5].outputs
    assert [text for text in given if text] == [check]
    pattern = r"([a-z]+)<<(end-[0-9a-f]{32})\n([a-z]*)\n\2\n"
    assert {name: value for name, _, value in re.findall(pattern, check)} == {
        "allowed": "false",
        "needs": "light",
        "answer": "true",
    }
    assert re.sub(pattern, "", check) == ""
    assert {step.env for step in played.world.steps} == {""}


def test_nothing_leaks(played: Played) -> None:
    encoded = [base64.b64encode(text.encode())[:-4] for text in (TOKEN, SECRET)]
    for place, content in played.world.everything().items():
        for value in (TOKEN.encode(), SECRET.encode(), *encoded):
            assert value not in content, place


def test_statuses_are_plain_and_short(played: Played) -> None:
    for commit in (played.plain.head_commit, played.plain.merge_commit, played.odd.head_commit):
        for status in played.world.statuses(commit).values():
            assert re.fullmatch(r"runner/(plan|q(/[a-z]+)?)", status.context)
            assert len(status.description) <= 140
            assert clean.line(status.description) == status.description
            assert status.target.startswith(f"{SERVER}/{REPOSITORY}/actions/runs/")


def test_what_is_odd_cannot_be_merged_as_if_it_were_planned(played: Played) -> None:
    found = played.world.statuses(played.odd.head_commit)
    assert {(name, status.state) for name, status in found.items()} == {("runner/plan", "failure")}
