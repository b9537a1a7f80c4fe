"""`runner demo`: the whole loop of a pull request on this machine."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import click

from runner.clock import SystemClock
from runner.demo.script import play
from runner.demo.showing import show


@click.command()
@click.option("--keep", metavar="DIR", help="Play in this folder and keep it (default: a temporary one).")
@click.option("--svg", metavar="FILE", help="Also write what is shown as a picture.")
def demo(keep: str | None, svg: str | None) -> int:
    """Play the whole loop of a pull request on this machine.

    Plan, merge, results, a retry: in a git repository of its own, with a forge made of files. No account, no
    network; every step is the command that a workflow calls on GitHub.
    """
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="runner-demo-") as folder:
            _play(Path(folder), svg)
        return 0
    folder_kept = Path(keep).absolute()
    if folder_kept.exists() and any(folder_kept.iterdir()):
        raise click.BadParameter(f"{keep} is not empty", param_hint="--keep")
    _play(folder_kept, svg)
    click.echo(f"The repository is in {folder_kept}/forecast, the forge's files are in {folder_kept}/forge")
    return 0


def _play(folder: Path, svg: str | None) -> None:
    # Imported here: the terminal library costs more than the rest of the command line.
    from rich.console import Console  # noqa: PLC0415

    console = Console(record=svg is not None, width=100 if svg is not None else None, highlight=False)
    for scene in play(folder, SystemClock()):
        show(console, scene)
    if svg is not None:
        drawn = console.export_svg(title="runner demo")
        # A picture that is looked at asks no server for letters.
        Path(svg).write_text(re.sub(r"@font-face \{.*?\}\n", "", drawn, flags=re.S), encoding="utf-8")
