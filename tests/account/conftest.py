"""One stack for all tests of a worker; and all that the program asks of AWS, recorded once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.account.recording import Recorder
from tests.account.scenes import Scenes
from tests.account.stack import Stack, client, deploy
from tests.aws import isolate
from tests.wire import serving


@pytest.fixture(scope="session")
def stack(aws_endpoint: str) -> Stack:
    key = client("kms", aws_endpoint).create_key()["KeyMetadata"]["Arn"]
    return deploy(aws_endpoint, "runner", SecretKeys=key)


@pytest.fixture(scope="session")
def scenes(aws_endpoint: str, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenes]:
    """Played to their end."""
    with contextlib.ExitStack() as resources:
        recorder = Recorder(aws_endpoint)
        endpoint = resources.enter_context(serving(recorder.answer))
        with pytest.MonkeyPatch.context() as monkeypatch:
            isolate(monkeypatch, endpoint)
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", Scenes.ACTIONS)
            folder: Path = tmp_path_factory.mktemp("scenes")
            made = Scenes(stack, recorder, endpoint, folder, resources)
            made.play()
            yield made
