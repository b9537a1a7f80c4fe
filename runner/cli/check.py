"""`runner validate`: everything that is wrong with queue files, at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from runner import __version__
from runner import config as configuration
from runner.cli.options import strict_option
from runner.cli.queues import Surroundings, refused, sources
from runner.cli.terminal import painter, say
from runner.errors import FAILED, SUCCEEDED, NotFoundError
from runner.prepare import Prepared, discover
from runner.prepare.reading import STDIN
from runner.problems import Problem
from runner.report import problems_github, problems_json, problems_sarif, problems_text


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
)
@strict_option
def validate(paths: Sequence[str], form: str, *, strict: bool) -> int:
    """Say everything that is wrong with queue files, at once.

    PATH is a queue file, a folder, .github/runner.yaml, or - for standard input; without it, the checkout's
    queues/. Exit code 1 with errors, 0 with warnings alone unless --strict is given, 3 where a PATH has no
    queue file.
    """
    surroundings = Surroundings.look()
    names = _names(paths, surroundings.checkout)
    if not names and form == "text":
        return SUCCEEDED
    queues = [name for name in names if not _is_configuration(name, surroundings.checkout)]
    prepared = [surroundings.prepare(name, params={}, require_params=False) for name in queues]
    problems = [] if len(queues) == len(names) else configuration.read(surroundings.checkout)[1]
    # Those of the configuration come with each queue, too.
    problems = list(dict.fromkeys([*problems, *(problem for one in prepared for problem in one.problems)]))
    text = _text(problems, prepared, names, form)
    click.echo(text, nl=not text.endswith("\n"))
    return FAILED if refused(problems, strict=strict) else SUCCEEDED


def _is_configuration(name: str, checkout: Path) -> bool:
    """No queue, but checked all the same: people who have just written it ask."""
    return name != STDIN and Path(name).resolve() == (checkout / configuration.PLACE).resolve()


def _names(paths: Sequence[str], checkout: Path) -> list[str]:
    config, _ = configuration.read(checkout)
    folders = [Path(path) for path in paths if path != STDIN]
    found = discover(folders, config, checkout) if folders or not paths else []
    names = [STDIN] if STDIN in paths else []
    names += [str(path) for path in found]
    if not names and paths:
        raise NotFoundError(
            f"there is no queue file in {', '.join(paths)}",
            hint="name a folder with .yaml, .yml or .json files, or a file",
        )
    if not names:
        say(f"runner: nothing to validate, {checkout} has no {' or '.join(config.queues)}")
    return names


def _text(problems: Sequence[Problem], prepared: Sequence[Prepared], names: Sequence[str], form: str) -> str:
    if form == "json":
        return problems_json.text(problems, names)
    if form == "sarif":
        return problems_sarif.text(problems, __version__)
    if form == "github":
        return problems_github.text(problems, len(names))
    shown = problems_text.text(problems, sources(problems, prepared), painter(sys.stdout))
    summary = problems_text.summary(problems, len(names))
    return f"{shown}\n{summary}" if shown else summary
