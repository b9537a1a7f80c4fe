"""From a command's arguments to a prepared queue: `prepare` with all that it asks of the surroundings."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner import checkout as checkouts
from runner.cli.options import environ, here
from runner.cli.terminal import painter, say
from runner.document import MAX_BYTES
from runner.model import Git
from runner.prepare import Prepared, prepare
from runner.prepare.reading import STDIN
from runner.problems import Problem, Severity
from runner.report import problems_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is the same for all files of one command. `now` is RFC 3339, whole seconds."""

    checkout: Path
    git: Git
    environ: Mapping[str, str] = field(repr=False)
    now: str

    @staticmethod
    def look() -> Surroundings:
        checkout, environment = here(), environ()
        return Surroundings(
            checkout=checkout,
            git=checkouts.describe(checkout, environment),
            environ=environment,
            now=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        )

    def prepare(
        self, source: str, *, params: Mapping[str, str], require_params: bool, runs_here: bool = False
    ) -> Prepared:
        """`source` is a path, or `-` for standard input, which is read here."""
        return prepare(
            source,
            params=params,
            checkout=self.checkout,
            environ=self.environ,
            stdin=_standard_input() if source == STDIN else None,
            git=self.git,
            now=self.now,
            require_params=require_params,
            here=runs_here,
        )


def refused(problems: Sequence[Problem], *, strict: bool) -> bool:
    """Whether these problems stop a command."""
    return any(p.severity is Severity.ERROR or strict for p in problems)


def show(prepared: Prepared) -> None:
    """All problems on standard error, each with its line and a mark, then how many there are."""
    problems = prepared.problems
    if problems:
        text = problems_text.text(problems, sources(problems, [prepared]), painter(sys.stderr))
        say(f"{text}\n{problems_text.summary(problems, 1)}")


def sources(problems: Sequence[Problem], prepared: Sequence[Prepared]) -> dict[str, bytes]:
    """The bytes of the files that the problems are in, where they can be read."""
    found = {p.document.name: p.document.raw for p in prepared if p.document is not None}
    for name in {p.location.file for p in problems if p.location and p.location.line} - found.keys():
        path = Path(name)
        with contextlib.suppress(OSError, ValueError):  # then the problem is shown without its line
            if path.is_file():
                with path.open("rb") as file:
                    found[name] = file.read(MAX_BYTES)
    return found


def _standard_input() -> bytes:
    """At most a little more than a queue file may have. A closed one is empty."""
    return sys.stdin.buffer.read(MAX_BYTES + 1) if sys.stdin is not None else b""
