"""Git as a process that nobody else can steer: bounded in time and output, no hooks, no network, no token.

What a repository holds (attributes, names, links) starts nothing here: paths are taken literally, there is no
external diff, no text conversion, no file system monitor, and objects that are missing are not fetched.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from runner.errors import RunnerError
from runner.gitops.context import is_commit

_SECONDS = 60.0
_LARGEST = 64 * 1024 * 1024
_SAID = 4096
"""Bytes of what git complains about that are read."""
_OPTIONS = (
    "--no-pager",
    "--literal-pathspecs",
    "--no-replace-objects",
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "protocol.allow=never"),
)
_KEPT = ("PATH", "HOME", "XDG_CONFIG_HOME")
"""The person's own configuration says which owners of a repository are trusted; nothing else is handed on."""
_SET = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_NO_LAZY_FETCH": "1",
}
_DEEPER = "check out the whole history: `fetch-depth: 0` for actions/checkout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What git said. `complaint` is the first line of its standard error."""

    code: int
    output: bytes = field(repr=False)
    complaint: str = ""


def ask(
    checkout: Path,
    *words: str,
    stdin: bytes = b"",
    codes: Sequence[int] = (0,),
    seconds: float = _SECONDS,
    largest: int = _LARGEST,
) -> Answer:
    """Raises RunnerError for an exit code not among `codes`, after `seconds`, beyond `largest` bytes."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said:
        given.write(stdin)
        given.seek(0)
        code, output, late = _run(checkout, words, (given, said), seconds, largest)
        said.seek(0)
        complaint = said.read(_SAID).decode(errors="replace").strip().partition("\n")[0]
    if late:
        raise RunnerError(f"git {words[0]} did not answer within {seconds:g} s", hint="is the disk in order?")
    if len(output) > largest:
        raise RunnerError(
            f"git {words[0]} has more than {largest // 2**20} MiB to say", hint="change less at once"
        )
    if code not in codes:
        raise RunnerError(f"git {words[0]} failed: {complaint or f'exit code {code}'}", hint=_DEEPER)
    return Answer(code=code, output=output, complaint=complaint)


def _run(
    checkout: Path, words: Sequence[str], files: tuple[IO[bytes], IO[bytes]], seconds: float, largest: int
) -> tuple[int, bytes, bool]:
    """Exit code, output, whether it took too long. Input and complaints are files: no pipe can fill up."""
    try:
        process = subprocess.Popen(
            ["git", "-C", os.fspath(checkout), *_OPTIONS, *words],
            stdin=files[0],
            stdout=subprocess.PIPE,
            stderr=files[1],
            env={name: os.environ[name] for name in _KEPT if name in os.environ} | _SET,
        )
    except OSError as error:
        raise RunnerError(f"git cannot be started: {error.strerror}", hint="install git") from error
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, stop)
    timer.start()
    try:
        with process:
            assert process.stdout is not None  # noqa: S101  it is a pipe
            output = process.stdout.read(largest + 1)
            if len(output) > largest:
                process.kill()
    finally:
        timer.cancel()
    return process.returncode, output, late.is_set() and process.returncode != 0


def commit(text: str) -> str:
    """The text, if it is a full commit id: nothing else may become an argument of git."""
    if not is_commit(text):
        raise RunnerError(f"{text[:80]!r} is not a full commit id", hint="this is a mistake in the program")
    return text


def text(raw: bytes) -> str:
    """A name as git has it. Bytes that are not UTF-8 come back as they were, see `os.fsencode`."""
    return raw.decode("utf-8", "surrogateescape")
