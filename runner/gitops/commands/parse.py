"""The first line of a comment → a command. Pure, and strict: what is nearly a command does nothing.

Only plain ASCII is a command, so that nobody approves a line that reads otherwise than it is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from runner.report import clean
from runner.validate.nearest import did_you_mean

PREFIX = "/runner"
OTHER_WORDS = {
    "abort": "cancel",
    "again": "retry",
    "continue": "resume",
    "kill": "cancel",
    "re-run": "retry",
    "rerun": "retry",
    "restart": "retry",
    "stop": "cancel",
}
"""What other programs call these commands."""
LONGEST_LINE = 2000
"""Characters."""
MOST_WORDS = 100
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_JOB = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """`run_id` and `digest` are "" where the verb takes none."""

    verb: str
    run_id: str = ""
    job_ids: tuple[str, ...] = ()
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """Meant as a command, and none. `message` may quote the comment."""

    message: str
    hint: str = ""


USAGE = {
    "help": "",
    "status": "",
    "logs": "RUN JOB",
    "retry": "RUN [JOB…]",
    "resume": "RUN",
    "cancel": "RUN [JOB…]",
    "plan": "",
    "run": "DIGEST",
    "unlock": "",
}
"""Verb → its arguments."""


def parse(body: str) -> Command | Mistake | None:
    """None for a comment that is no command: prose, a quote, code, `/runnerx`."""
    line = body[: 2 * LONGEST_LINE].partition("\n")[0].removesuffix("\r")
    if not line.startswith(PREFIX):
        return _lookalike(line)
    rest = line[len(PREFIX) :]
    if rest[:1].isascii() and rest[:1].isprintable() and rest[:1] not in {"", " "}:
        return None
    strange = next((c for c in rest if not (c.isascii() and c.isprintable())), None)
    if strange is not None:
        return _strange(strange)
    if len(line) > LONGEST_LINE:
        return Mistake(message=f"the line has more than {LONGEST_LINE:,} characters")
    return _words(rest.split())


def _lookalike(line: str) -> Mistake | None:
    """What reads as a command but is written in other characters."""
    if line[:40].isascii():
        return None
    seen = unicodedata.normalize("NFKC", clean.line(line[:40]))
    strange = next(c for c in line if not c.isascii())
    return _strange(strange) if seen.startswith(PREFIX) else None


def _strange(char: str) -> Mistake:
    name = unicodedata.name(char, "a control character")
    return Mistake(
        message=f"the line has U+{ord(char):04X} ({name.lower()}) in it",
        hint="a command is written in plain ASCII characters",
    )


def _words(words: list[str]) -> Command | Mistake:
    if not words:
        return Mistake(message="it does not say what to do", hint=f"for instance: {PREFIX} help")
    if len(words) > MOST_WORDS:
        return Mistake(message=f"the line has more than {MOST_WORDS} words")
    verb, arguments = words[0], words[1:]
    if verb not in USAGE:
        near = _did_you_mean(verb)
        return Mistake(message=f"there is no command {_cut(verb)}", hint=near or f"{PREFIX} help lists them")
    flag = next((word for word in arguments if word.startswith("-")), None)
    if flag is not None:
        return _wrong(verb, f"there are no options such as {_cut(flag)}")
    return _READERS.get(verb, _nothing)(verb, arguments)


def _did_you_mean(verb: str) -> str:
    meant = OTHER_WORDS.get(verb.lower())
    return f"did you mean `{meant}`?" if meant else did_you_mean(verb, USAGE)


def _nothing(verb: str, arguments: list[str]) -> Command | Mistake:
    return _wrong(verb, "it takes no arguments") if arguments else Command(verb=verb)


def _run(verb: str, arguments: list[str]) -> Command | Mistake:
    if len(arguments) != 1:
        return _wrong(verb, "it takes the id of one run")
    return _run_and_jobs(verb, arguments)


def _run_and_jobs(verb: str, arguments: list[str]) -> Command | Mistake:
    if not arguments:
        return _wrong(verb, "it takes the id of a run")
    if not _RUN.fullmatch(arguments[0]):
        return _wrong(verb, f"{_cut(arguments[0])} is no id of a run")
    jobs = tuple(dict.fromkeys(arguments[1:]))
    bad = next((job for job in jobs if not _JOB.fullmatch(job)), None)
    if bad is not None:
        return _wrong(verb, f"{_cut(bad)} is no id of a job")
    return Command(verb=verb, run_id=arguments[0], job_ids=jobs)


def _run_and_job(verb: str, arguments: list[str]) -> Command | Mistake:
    if len(arguments) != 2:
        return _wrong(verb, "it takes the id of a run and that of a job")
    return _run_and_jobs(verb, arguments)


def _digest(verb: str, arguments: list[str]) -> Command | Mistake:
    if len(arguments) != 1 or not _DIGEST.fullmatch(arguments[0]):
        return _wrong(verb, "it takes the digest of a plan, sha256: and 64 hexadecimal digits")
    return Command(verb=verb, digest=arguments[0])


_READERS: dict[str, Callable[[str, list[str]], Command | Mistake]] = {
    "logs": _run_and_job,
    "retry": _run_and_jobs,
    "cancel": _run_and_jobs,
    "resume": _run,
    "run": _digest,
}


def _wrong(verb: str, message: str) -> Mistake:
    return Mistake(message=f"{verb}: {message}", hint=f"it is written {usage(verb)}")


def usage(verb: str) -> str:
    """`/runner logs RUN JOB`"""
    return f"{PREFIX} {verb} {USAGE[verb]}".rstrip()


def _cut(word: str) -> str:
    return word if len(word) <= _SHOWN else f"{word[: _SHOWN - 1]}…"
