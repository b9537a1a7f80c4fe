"""The first line of a comment: a command, nearly one, or nothing of the kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.gitops.commands.parse import LONGEST_LINE, USAGE, Command, Mistake, parse, usage
from runner.report.commands import COMMENT

RUN = "etl-20261122T180405-abc123"
DIGEST = "sha256:" + "0a" * 32


@pytest.mark.parametrize(
    ("body", "command"),
    [
        ("/runner help", Command(verb="help")),
        ("/runner status", Command(verb="status")),
        ("/runner plan", Command(verb="plan")),
        ("/runner unlock", Command(verb="unlock")),
        (f"/runner run {DIGEST}", Command(verb="run", digest=DIGEST)),
        (f"/runner resume {RUN}", Command(verb="resume", run_id=RUN)),
        (f"/runner retry {RUN}", Command(verb="retry", run_id=RUN)),
        (f"/runner retry {RUN} a b-0 c.d", Command(verb="retry", run_id=RUN, job_ids=("a", "b-0", "c.d"))),
        (f"/runner cancel {RUN} a a", Command(verb="cancel", run_id=RUN, job_ids=("a",))),
        (f"/runner logs {RUN} build", Command(verb="logs", run_id=RUN, job_ids=("build",))),
        ("/runner   status  ", Command(verb="status")),
        ("/runner status\r\nplease", Command(verb="status")),
        ("/runner status\n/runner cancel x", Command(verb="status")),
    ],
)
def test_commands(body: str, command: Command) -> None:
    assert parse(body) == command


@pytest.mark.parametrize(
    "body",
    [
        "",
        "hello",
        " /runner status",
        "\t/runner status",
        "> /runner status",
        "`/runner status`",
        "```\n/runner status\n```",
        "please\n/runner status",
        "\n/runner status",
        "runner status",
        "/runnerx",
        "/runner-x status",
        "/runner/status",
        "/runner: status",
        "/Runner status",
        "/RUNNER status",
        "//runner status",
        "<!-- x -->/runner status",
    ],
)
def test_what_is_no_command(body: str) -> None:
    assert parse(body) is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("/runner", "does not say what to do"),
        ("/runner    ", "does not say what to do"),
        ("/runner rety x", "no command rety | did you mean `retry`?"),
        ("/runner rerun x", "no command rerun | did you mean `retry`?"),
        ("/runner Stop x", "no command Stop | did you mean `cancel`?"),
        ("/runner STATUS", "no command STATUS | did you mean `status`?"),
        ("/runner frobnicate", "no command frobnicate | /runner help lists them"),
        ("/runner status now", "takes no arguments"),
        ("/runner retry", "takes the id of a run | it is written /runner retry RUN [JOB…]"),
        ("/runner resume a b", "the id of one run"),
        ("/runner logs a", "the id of a run and that of a job"),
        ("/runner logs a b c", "the id of a run and that of a job"),
        ("/runner retry --all", "no options such as --all"),
        ("/runner retry x -f", "no options such as -f"),
        ("/runner retry ../../etc", "no id of a run"),
        ("/runner retry a/b", "no id of a run"),
        ("/runner retry a b$(c)", "b$(c) is no id of a job"),
        (f"/runner retry a {'b' * 64}", "is no id of a job"),
        (f"/runner retry {'a' * 129}", "is no id of a run"),
        ("/runner run", "the digest of a plan"),
        (f"/runner run {DIGEST[:-1]}", "the digest of a plan"),
        (f"/runner run {DIGEST.upper()}", "the digest of a plan"),
        (f"/runner retry a {'b ' * 99}c", "more than 100 words"),
        (f"/runner {'a' * LONGEST_LINE}", "more than 2,000 characters"),
        (f"/runner {'a' * 70_000}", "more than 2,000 characters"),
        ("/runner\tstatus", "U+0009 (a control character)"),
        ("/runner status\x00", "U+0000"),
        ("/runner status\x0b/runner cancel x", "U+000B"),
        ("/runner status\u2028/runner cancel x", "U+2028 (line separator)"),
        ("/runner\u00a0status", "U+00A0 (no-break space)"),
        ("/runner\u200b status", "U+200B (zero width space)"),
        ("/runner st\u0430tus", "U+0430 (cyrillic small letter a)"),
        ("/runner retry \u202erun", "U+202E (right-to-left override)"),
        ("/run\u200bner status", "U+200B"),
        ("\ufeff/runner status", "U+FEFF"),
        ("\uff0frunner status", "U+FF0F (fullwidth solidus)"),
    ],
)
def test_what_is_nearly_one(body: str, words: str) -> None:
    found = parse(body)
    assert isinstance(found, Mistake)
    message, _, hint = words.partition(" | ")
    assert message in found.message
    assert hint in found.hint
    assert len(found.message) < 300


def test_every_verb_has_its_usage() -> None:
    arguments = {"RUN": RUN, "JOB": "build", "[JOB…]": "test", "DIGEST": DIGEST}
    for verb in USAGE:
        line = " ".join(arguments.get(word, word) for word in usage(verb).split())
        found = parse(line)
        assert isinstance(found, Command), line
        assert found.verb == verb


def test_what_our_comments_tell_to_type_is_a_command() -> None:
    for line in (
        COMMENT.retry(RUN),
        COMMENT.retry(RUN, "a", "b"),
        COMMENT.resume(RUN),
        COMMENT.cancel(RUN),
        COMMENT.logs(RUN, "build"),
    ):
        assert isinstance(parse(line), Command), line


_alphabet = st.sampled_from(
    [*"/runerstaulogic -._:>`\n\r\t#0", "\u200b", "\u202e", "\u0430", "\uff0f", "\x00", "\udc80", "é"]
)
_bodies = st.text(_alphabet, max_size=60) | st.text(max_size=60)


@given(_bodies.map(lambda text: f"/runner {text}") | _bodies)
def test_whatever_is_a_command_is_exactly_what_it_reads_as(body: str) -> None:
    found = parse(body)
    if not isinstance(found, Command):
        return
    line = body.split("\n", maxsplit=1)[0].removesuffix("\r")
    assert line.isascii()
    assert line.isprintable()
    words = line.split(" ")
    assert words[0] == "/runner"
    given_back = [found.verb, found.run_id, *found.job_ids, found.digest]
    assert set(filter(None, given_back)) == set(filter(None, words[1:]))


@given(st.text(_alphabet, min_size=1, max_size=8).filter(lambda text: "/runner" not in text), _bodies)
def test_only_at_the_very_beginning(before: str, rest: str) -> None:
    assert not isinstance(parse(f"{before}/runner help\n{rest}"), Command)
