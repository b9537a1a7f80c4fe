"""The emulator behind the endpoint: a process of its own, with the validation that it has switched on."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator

from tests.aws import SERVER
from tests.project import ROOT

_STRICT = {"MOTO_ENABLE_AMI_VALIDATION": "true", "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION": "true"}


@contextlib.contextmanager
def emulator() -> Iterator[str]:
    """Its URL. It ends with us, however we do: its input does."""
    kept = {name: value for name, value in os.environ.items() if not re.match("AWS_|PYTHONWARNINGS", name)}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=kept | _STRICT,
        cwd=ROOT,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            port = process.stdout.readline().strip()
            assert port, "the emulator did not start"
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()  # there is nothing that it would have to keep


def forget(url: str) -> None:
    """All that it holds."""
    request = urllib.request.Request(f"{url}/moto-api/reset", method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()
