"""What is refused before anything has started, in sentences that can stand in a comment."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.driving import Here
from runner.errors import RefusedError
from runner.model import Job, Queue
from runner.run_here import preflight

QUEUE = Queue(
    queue_id="q",
    queue_name="q",
    jobs=(
        Job(job_id="a", command="true", secrets={"W": "env:WANDB"}),
        Job(job_id="b", command="true", environment={"T": "${TEAM}"}),
    ),
)


def here(folder: Path, **environ: str) -> Here:
    return Here(directory=folder / "run", checkout=folder, environ=environ)


def test_what_is_not_set_is_said_at_once_in_whole_sentences(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as caught:
        preflight(QUEUE, here(tmp_path))
    assert caught.value.message.splitlines() == [
        "job a: secret W comes from $WANDB, which is not set.",
        "job b: T needs ${TEAM}, which is not set.",
    ]
    assert caught.value.hint.startswith("Nothing has started.")
    assert "declare" not in caught.value.hint  # one of them is declared, and the other would be no better off
    assert not (tmp_path / "run").exists()


def test_what_is_set_is_given(tmp_path: Path) -> None:
    given = preflight(QUEUE, here(tmp_path, WANDB="w", TEAM="t"))
    assert (given["a"].secrets, given["b"].environment) == ({"W": "w"}, {"T": "t"})
