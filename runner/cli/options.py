"""Options and arguments that several commands share, and what they mean."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from runner import checkout as checkouts

Decorated = Callable[..., Any]


def here() -> Path:
    """The checkout that the current folder is in."""
    return checkouts.find(Path.cwd())


def _params(_: click.Context, __: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    values = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{text!r} is not name=value")
        values[name] = value
    return values


def params_option(command: Decorated) -> Decorated:
    """`-p name=value`, any number of times."""
    return click.option(
        "-p",
        "--param",
        "params",
        multiple=True,
        metavar="NAME=VALUE",
        callback=_params,
        help="Set a parameter of the queue; can be given again.",
    )(command)


def strict_option(command: Decorated) -> Decorated:
    return click.option("--strict", is_flag=True, help="Treat warnings as errors.")(command)


def parallel_option(command: Decorated) -> Decorated:
    return click.option(
        "--max-parallel",
        type=click.IntRange(min=1),
        metavar="N",
        help="Run at most N jobs at a time (default: what the queue says, else the CPUs).",
    )(command)


def json_option(command: Decorated) -> Decorated:
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        help="Write one JSON object to standard output; text for people goes to standard error.",
    )(command)


def environ() -> dict[str, str]:
    """The runner's own environment, as it was when the command began."""
    return dict(os.environ)
