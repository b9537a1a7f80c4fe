"""One comparison: our command and a peer's, in pairs, each in a fresh folder that is removed afterwards."""

from __future__ import annotations

import itertools
import shutil
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.generate import Shape
from bench.measure import Memory, interleaved, median_ratio, memory, seconds
from bench.peers import CACHE, Peer

SMALL, LARGE = 50, 150
"""A peer that is too slow for the whole shape runs these many jobs; the difference gives its cost a job."""

_numbers = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`ours` and `theirs` are median seconds for the whole shape; a `ratio` below 1 means we are faster."""

    shape: Shape
    ours_shell: str
    peer: Peer
    ours: float
    theirs: float
    ratio: float
    rounds: int
    extrapolated: bool = False


@contextmanager
def workplace() -> Iterator[Path]:
    """On the checkout's file system: a tmpfs would make every log file free."""
    folder = CACHE / "work" / str(next(_numbers))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def timed(peer: Peer, shape: Shape) -> float:
    with workplace() as folder:
        return seconds(peer.prepare(shape, folder))


def weighed(peer: Peer, shape: Shape) -> Memory:
    with workplace() as folder:
        return memory(peer.prepare(shape, folder))


def compare(ours: Peer, peer: Peer, shape: Shape, rounds: int) -> Row:
    mine, theirs = interleaved([lambda: timed(ours, shape), lambda: timed(peer, shape)], rounds)
    return _row(ours, peer, shape, mine, theirs)


def compare_extrapolated(ours: Peer, peer: Peer, shape: Shape, rounds: int) -> Row:
    """Kind to the peer: what grows faster than linear in it is not counted."""
    small, large = (replace(shape, levels=(count,)) for count in (SMALL, LARGE))
    mine, few, many = interleaved(
        [lambda: timed(ours, shape), lambda: timed(peer, small), lambda: timed(peer, large)], rounds
    )
    theirs = [
        first + (second - first) / (LARGE - SMALL) * (shape.size - SMALL)
        for first, second in zip(few, many, strict=True)
    ]
    return replace(_row(ours, peer, shape, mine, theirs), extrapolated=True)


def _row(ours: Peer, peer: Peer, shape: Shape, mine: list[float], theirs: list[float]) -> Row:
    return Row(
        shape=shape,
        ours_shell=ours.shell,
        peer=peer,
        ours=statistics.median(mine),
        theirs=statistics.median(theirs),
        ratio=median_ratio(mine, theirs),
        rounds=len(mine),
    )
