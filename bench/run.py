"""Measure what runner costs beside its jobs, against other programs that are installed here.

Queues of several shapes, each program in turn with runner; the tables go to standard output. Everything
happens below `build/bench` in the checkout and is removed afterwards.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import statistics
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench import peers, startup, table
from bench.compare import Row, compare, compare_extrapolated, timed, weighed
from bench.generate import Shape
from bench.peers import Peer

README = Path(__file__).parent.parent / "README.md"
NEEDS_SHELL = ": && true"
SHAPES = (
    Shape(name="1,000 independent", levels=(1_000,)),
    Shape(name="1,000 independent", levels=(1_000,), command=NEEDS_SHELL),
    Shape(name="10,000 independent", levels=(10_000,)),
    Shape(name="chain of 1,000", levels=(1,) * 1_000),
    Shape(name="1 → 1,000 → 1", levels=(1, 1_000, 1)),
    Shape(name="256, 64 at a time", levels=(256,), command="sleep 0.5", at_once=64),
)


def main() -> None:
    options = _arguments()
    others, missing = peers.found()
    if options.vs:
        others.append(replace(peers.ours(options.vs, "bash"), name=options.vs))
    others = [peer for peer in others if options.peer in peer.name]
    results = table.Results(
        machine=_machine(),
        rows=list(_rows(options, others)),
        weights=[] if options.no_memory else list(_weights(options, others)),
        starts=[] if options.no_startup else startup.measure(options.runner, options.rounds),
        flat=list(_flat(options)) if options.flat else [],
        missing=missing,
    )
    text = table.markdown(results)
    print(text)
    if options.readme:
        README.write_text(table.into_page(README.read_text(), text))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    installed = Path(sys.executable).with_name("runner")
    parser.add_argument(
        "--runner", default=str(installed), help="the program to measure (default: %(default)s)"
    )
    parser.add_argument("--vs", default="", help="another runner program, as one more peer")
    parser.add_argument(
        "--rounds", type=int, default=5, help="pairs for each comparison (default: %(default)s)"
    )
    parser.add_argument("--quick", action="store_true", help="leave out what takes more than some seconds")
    parser.add_argument("--shape", default="", help="only shapes whose name contains this")
    parser.add_argument("--peer", default="", help="only peers whose name contains this")
    parser.add_argument("--flat", action="store_true", help="also the cost a job from 100 to 100,000 jobs")
    parser.add_argument("--no-memory", action="store_true", help="leave out the memory")
    parser.add_argument("--no-startup", action="store_true", help="leave out the time to start")
    parser.add_argument("--readme", action="store_true", help="put the tables into the README's section")
    return parser.parse_args()


def _shapes(options: argparse.Namespace) -> list[Shape]:
    named = [shape for shape in SHAPES if options.shape in shape.name]
    return [shape for shape in named if not options.quick or shape.size <= 2_000]


def _rows(options: argparse.Namespace, others: list[Peer]) -> Iterator[Row]:
    for shape in _shapes(options):
        rounds = options.rounds if shape.size < 5_000 else max(1, options.rounds - 2)
        for peer in others:
            for shell in dict.fromkeys(("bash", peer.shell)):
                row = _compared(peers.ours(options.runner, shell), peer, shape, rounds)
                if row:
                    _say(
                        f"{shape.name} {shape.command!r} {peer.name} ({shell}/{peer.shell}): {row.ratio:.2f}"
                    )
                    yield row


def _compared(ours: Peer, peer: Peer, shape: Shape, rounds: int) -> Row | None:
    """None where the pair would say nothing: edges that the peer cannot have, sh against the bash limit."""
    if not (peer.edges or shape.independent) or (peer.name == "C limit" and peer.shell != ours.shell):
        return None
    if peer.name != "snakemake":
        return compare(ours, peer, shape, rounds)
    # Its time grows by seconds a hundred jobs; sleeping jobs would need all 256 of them.
    return compare_extrapolated(ours, peer, shape, rounds) if shape.size == 1_000 else None


def _weights(options: argparse.Namespace, others: list[Peer]) -> Iterator[table.Weight]:
    ours = peers.ours(options.runner, "bash")
    sizes = (1_000,) if options.quick else (1_000, 10_000)
    for size in sizes:
        shape = Shape(name=str(size), levels=(size,))
        for peer in (ours, *(p for p in others if p.name != "snakemake" and p.name != "C limit")):
            _say(f"memory of {peer.name}, {size} jobs")
            yield table.Weight(name=peer.name, jobs=size, memory=weighed(peer, shape))


def _flat(options: argparse.Namespace) -> Iterator[tuple[int, float]]:
    ours = peers.ours(options.runner, "bash")
    for size in (100, 1_000, 10_000, 100_000):
        _say(f"cost a job, {size} jobs")
        shape = Shape(name=str(size), levels=(size,))
        yield size, statistics.median(timed(ours, shape) for _ in range(1 if size > 20_000 else 3))


def _machine() -> table.Machine:
    return table.Machine(
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        cores=len(os.sched_getaffinity(0)),
        processor=_processor(),
        kernel=platform.release(),
        python=platform.python_version(),
        file_system=_file_system(),
    )


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def _file_system() -> str:
    """Of the mount point that holds the checkout."""
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    holding = [(place, kind) for place, kind in mounts if README.is_relative_to(place)]
    return max(holding, key=lambda mount: len(mount[0]))[1]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
