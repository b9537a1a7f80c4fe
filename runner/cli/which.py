"""The argument RUN, and the directory that it means. Not in `options`: `validate` reads no runs."""

from __future__ import annotations

from pathlib import Path

import click

from runner.cli.options import Decorated, here
from runner.runs.places import resolve


def run_argument(command: Decorated) -> Decorated:
    """RUN: a run's id, the beginning of one, its directory; None for the newest."""
    return click.argument("run", required=False, metavar="[RUN]")(command)


def run_directory(ref: str | None) -> Path:
    """Raises NotFoundError, with what there is instead."""
    return resolve(ref, here())
