"""Who is compared: how each program is found, what it reads, and how it is started.

A program that is not here is named and left out. Each gets its own native input for the same graph
of jobs, writes each job's output to files, and remembers what is done in its own usual way.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import generate
from bench.generate import Shape
from bench.measure import Command

CACHE = Path(__file__).parent.parent / "build" / "bench"
"""On the checkout's own file system, kept between runs: the compiled limit and snakemake's venv."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """`prepare` writes the input into a fresh folder and says what to start there."""

    name: str
    shell: str
    prepare: Callable[[Shape, Path], Command]
    edges: bool = True
    """Can say that a job depends on others."""


def ours(program: str, shell: str) -> Peer:
    def prepare(shape: Shape, folder: Path) -> Command:
        (folder / "queue.yaml").write_text(generate.queue_yaml(shape, shell))
        options = ("--run-dir", "run", "--max-parallel", str(shape.at_once))
        return Command(argv=(program, "run", "queue.yaml", *options), folder=folder)

    return Peer(name="runner", shell=shell, prepare=prepare)


def found() -> tuple[list[Peer], list[str]]:
    """Peers that are on this machine, and a sentence for each that is not."""
    peers: list[Peer] = []
    missing: list[str] = []
    for name, tool, make in _TABLE:
        path = tool()
        if path:
            peers += make(path)
        else:
            missing.append(f"{name} is not here: left out")
    return peers, missing


def _limits(program: str) -> list[Peer]:
    def peer(shell: str) -> Peer:
        def prepare(shape: Shape, folder: Path) -> Command:
            (folder / "logs").mkdir()
            (folder / "jobs").write_text(generate.limit_lines(shape))
            argv = (program, str(shape.at_once), f"/bin/{shell}", "logs")
            return Command(argv=argv, folder=folder, stdin="jobs")

        return Peer(name="C limit", shell=shell, prepare=prepare)

    return [peer("bash"), peer("sh")]


def _make(program: str) -> list[Peer]:
    def prepare(shape: Shape, folder: Path) -> Command:
        _log_and_stamp_folders(folder)
        (folder / "Makefile").write_text(generate.makefile(shape))
        return Command(argv=(program, "-r", f"-j{shape.at_once}"), folder=folder)

    return [Peer(name="make", shell="bash", prepare=prepare)]


def _ninja(program: str) -> list[Peer]:
    def prepare(shape: Shape, folder: Path) -> Command:
        _log_and_stamp_folders(folder)
        (folder / "build.ninja").write_text(generate.ninja(shape))
        return Command(argv=(program, "-j", str(shape.at_once)), folder=folder)

    return [Peer(name="ninja", shell="sh", prepare=prepare)]  # /bin/sh is compiled into it


def _parallel(program: str) -> list[Peer]:
    def prepare(shape: Shape, folder: Path) -> Command:
        (folder / "commands").write_text(generate.command_lines(shape))
        argv = (program, "-j", str(shape.at_once), "--joblog", "joblog", "--results", "results")
        environment = (("PARALLEL_SHELL", "/bin/bash"), ("HOME", str(folder)))
        return Command(argv=argv, folder=folder, stdin="commands", environment=environment)

    return [Peer(name="GNU parallel", shell="bash", prepare=prepare, edges=False)]


def _snakemake(program: str) -> list[Peer]:
    def prepare(shape: Shape, folder: Path) -> Command:
        (folder / "Snakefile").write_text(generate.snakefile(shape.size, shape.command))
        environment = (("HOME", str(folder)), ("XDG_CACHE_HOME", str(folder)))
        argv = (program, "--cores", str(shape.at_once), "--quiet", "all")
        return Command(argv=argv, folder=folder, environment=environment)

    return [Peer(name="snakemake", shell="bash", prepare=prepare, edges=False)]


def _log_and_stamp_folders(folder: Path) -> None:
    for name in ("logs", "stamps"):
        (folder / name).mkdir()


def _compiled_limit() -> str | None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        return None
    CACHE.mkdir(parents=True, exist_ok=True)
    program = CACHE / "limit"
    subprocess.run([compiler, "-O2", "-o", program, Path(__file__).with_name("limit.c")], check=True)
    return str(program)


def _installed_snakemake() -> str | None:
    """From the package index into a venv of its own, once."""
    venv = CACHE / "snakemake"
    program = venv / "bin" / "snakemake"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin" / "pip", "install", "-q", "snakemake"], check=False)
    return str(program) if program.exists() else None


_TABLE: tuple[tuple[str, Callable[[], str | None], Callable[[str], list[Peer]]], ...] = (
    ("the C limit (needs a C compiler)", _compiled_limit, _limits),
    ("make", lambda: shutil.which("make"), _make),
    ("ninja (Debian: ninja-build)", lambda: shutil.which("ninja"), _ninja),
    ("GNU parallel (Debian: parallel)", lambda: shutil.which("parallel"), _parallel),
    ("snakemake (from the package index)", _installed_snakemake, _snakemake),
)
