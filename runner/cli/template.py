"""`runner template`: the queue templates of the checkout and those that come with the program."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

import click

from runner import resources
from runner.cli.options import here
from runner.cli.terminal import say
from runner.errors import NotFoundError, RefusedError
from runner.problems import shorten
from runner.report import clean
from runner.report.table import columns
from runner.stores.disk import trouble

_SUFFIXES = (".yaml", ".yml")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def template() -> None:
    """Start a queue from a template.

    Templates are the files in templates/queues/ of the checkout, then those that come with the program.
    """


@template.command(name="list")
def list_templates() -> int:
    """List the templates, with what each is for."""
    found = _templates()
    if not found:
        say("runner: there are no templates")
        return 0
    for line in columns([(name, _purpose(path)) for name, path in sorted(found.items())]):
        click.echo(line)
    return 0


@template.command()
@click.argument("name")
def show(name: str) -> int:
    """Write a template to standard output."""
    click.echo(_read(name), nl=False)
    return 0


@template.command()
@click.argument("name")
@click.option("-o", "--output", metavar="FILE", help="Where the queue goes (default: queues/NAME.yaml).")
def new(name: str, output: str | None) -> int:
    """Copy a template to a queue file of your own.

    An existing file is left alone.
    """
    text = _read(name)
    path = Path(output) if output is not None else Path("queues") / f"{name}.yaml"
    if os.path.lexists(path):
        raise RefusedError(f"{path} exists and is left alone", hint="choose another name: -o FILE")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(text)
    except OSError as error:
        raise trouble("write", path, error) from error
    say(f"runner: wrote {path}; see what it does: runner plan {path}")
    return 0


def _templates() -> dict[str, Path]:
    """Name → file. The checkout's own win over those of the program."""
    found: dict[str, Path] = {}
    for folder in (resources.path("templates", "queues"), here() / "templates" / "queues"):
        if folder.is_dir():
            names = sorted(os.listdir(folder))  # noqa: PTH208  only names are needed
            found |= {Path(n).stem: folder / n for n in names if n.endswith(_SUFFIXES)}
    return found


def _read(name: str) -> bytes:
    found = _templates()
    if name not in found:
        near = difflib.get_close_matches(name, found, n=1)
        known = ", ".join(sorted(found)) or "none"
        raise NotFoundError(
            f"there is no template {shorten(name)}",
            hint=f"did you mean {near[0]}?" if near else f"there are: {known}",
        )
    return found[name].read_bytes()


def _purpose(path: Path) -> str:
    """The first comment of the file that is no instruction to an editor."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for raw in file:
            text = raw.strip()
            if not text.startswith("#"):
                return ""
            if not text.startswith("# yaml-language-server"):
                return clean.line(text.lstrip("# "), 90)
    return ""
