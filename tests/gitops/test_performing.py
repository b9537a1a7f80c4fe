"""What a signal does to whoever carries out runs, and only follows them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from runner.gitops.context import Context
from runner.gitops.run.performing import Stage, Start, perform
from tests.builders import RUN_ID, START, Log, job, queue
from tests.forge_worlds import MERGE, InFiles
from tests.publish.far_runs import Far
from tests.publish.publishing import TARGET
from tests.virtual_time import VirtualTime


class Ended(BaseException):
    """The signal's own effect: the process would be gone."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_follower_of_a_run_elsewhere(tmp_path: Path, number: int) -> None:
    clock, looks = VirtualTime(START), 0

    def sleep(_seconds: float) -> None:
        nonlocal looks
        looks += 1
        assert looks == 1, "it goes on as if nothing had been said"
        signal.raise_signal(number)

    def end(_number: int, _frame: object) -> None:
        raise Ended

    context = Context(
        event_name="push",
        event_path=Path(os.devnull),
        repository="octo/lab",
        sha=MERGE,
        ref="refs/heads/main",
        checkout=tmp_path,
        environ={},
        run_id=1,
    )
    stage = Stage(context=context, forge=InFiles(tmp_path / "forge", clock).forge, clock=clock, sleep=sleep)
    source = Far(Log(queue(job("a"))), clock).source()
    before = signal.signal(number, end)
    try:
        with pytest.raises(Ended):
            perform([Start(run_id=RUN_ID, source="q.yaml", where=source, target=TARGET)], stage)
    finally:
        signal.signal(number, before)
