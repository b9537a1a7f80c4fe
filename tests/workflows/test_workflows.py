"""The whole loop as GitHub would run it: the real workflows, the real program, a GitHub that remembers."""

from __future__ import annotations

import pytest

from tests.snapshots import assert_snapshot
from tests.workflows.scene import HELLO, Scene

pytestmark = [pytest.mark.act, pytest.mark.timeout(300)]


def test_opened(scene: Scene) -> None:
    pull = scene.open_pull(7, {"queues/greet.yaml": HELLO})
    assert scene.plan(pull).succeeded
    assert_snapshot("workflows/opened.md", scene.shown())
