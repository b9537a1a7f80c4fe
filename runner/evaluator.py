"""Evaluate due expressions beside the scheduler: never blocking, in one child process, each bounded in time.

Requests are written ahead of their answers, so that a flood costs no round trips. A request that takes too
long is answered with an error and its process replaced; the others are asked again of the new one.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import runner
from runner.errors import ExecutorError
from runner.evaluation import READY, decode_answer, encode_request
from runner.expressions import Answer, Request

_CODE = (
    "import sys; sys.path[:0] = sys.argv[3:4]; sys.path += sys.argv[4:]; "
    "from runner.evaluation import main; main(int(sys.argv[1]), parent=int(sys.argv[2]))"
)
_KEPT = ("PATH", "LANG", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""All of the environment that an interpreter may need to start; it holds nothing that is worth reading."""
_AGAIN = 0.01
"""Seconds until the next try where the child does not take everything at once."""
_STARTS = 3
_START_SECONDS = 20.0
"""That a child gets to begin."""
_LAST_BREATH = 1.0


@dataclass(frozen=True, slots=True)
class _Asked:
    job_id: str
    line: bytes


class Evaluator:
    """Asynchronous evaluation of `Request`s, answered in their order.

    `seconds` bounds one request (wall time), `memory` (bytes) what the child may allocate. The child is
    started with the first request.
    """

    def __init__(self, *, seconds: float = 2.0, memory: int = 256 << 20) -> None:
        self._seconds = seconds
        self._memory = memory
        self._child: subprocess.Popen[bytes] | None = None
        self._asked: deque[_Asked] = deque()
        self._answers: list[Answer] = []
        self._unsent = bytearray()
        self._received = b""
        self._ready = False
        self._failed_starts = 0
        self._crashes = 0
        self._since = 0.0
        """When the child began with the first request that is not answered (at the latest)."""

    def submit(self, request: Request) -> None:
        """Ask. The answer comes out of `poll`."""
        asked = _Asked(request.job_id, encode_request(request))
        if not self._asked:
            self._since = time.monotonic()
        self._asked.append(asked)
        if self._child is None:
            self._start()
        else:
            self._unsent += asked.line
        self._write()

    def poll(self) -> list[Answer]:
        """Answers since the last call. Never waits. Raises ExecutorError where no child can be started."""
        if self._asked:
            self._write()
            self._read()
            self._watch()
        answers, self._answers = self._answers, []
        return answers

    def fileno(self) -> int | None:
        """Readable when an answer is there; None while nothing is asked. It may change with every call."""
        if not self._asked or self._child is None or self._child.stdout is None:
            return None
        return self._child.stdout.fileno()

    def deadline(self) -> float | None:
        """Monotonic seconds: call `poll` again at the latest then, readable or not."""
        if self._answers:
            return time.monotonic()
        if not self._asked:
            return None
        return min(self._limit(), time.monotonic() + _AGAIN) if self._unsent else self._limit()

    def close(self) -> None:
        """End the child. What was asked is not answered."""
        self._asked.clear()
        self._answers.clear()
        self._end()

    def _limit(self) -> float:
        return self._since + (self._seconds if self._ready else _START_SECONDS)

    def _start(self) -> None:
        command = [sys.executable, "-I", "-c", _CODE, str(self._memory), str(os.getpid()), *_import_path()]
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
            start_new_session=True,  # an interrupt from the terminal is for the scheduler to hear
        )
        for pipe in (self._child.stdin, self._child.stdout):
            os.set_blocking(pipe.fileno(), False)  # type: ignore[union-attr]
        self._ready, self._received, self._since = False, b"", time.monotonic()
        self._unsent = bytearray(b"".join(asked.line for asked in self._asked))

    def _write(self) -> None:
        while self._unsent and self._child is not None and self._child.stdin is not None:
            try:
                sent = os.write(self._child.stdin.fileno(), self._unsent[: 1 << 16])
            except BlockingIOError:
                return
            except BrokenPipeError:  # its end shows when we read
                self._unsent.clear()
                return
            del self._unsent[:sent]

    def _read(self) -> None:
        while self._child is not None and self._child.stdout is not None:
            try:
                chunk = os.read(self._child.stdout.fileno(), 1 << 16)
            except BlockingIOError:
                return
            if not chunk:
                self._died()
                return
            *lines, self._received = (self._received + chunk).split(b"\n")
            for line in lines:
                self._take(line)
            self._write()

    def _take(self, line: bytes) -> None:
        self._since = time.monotonic()
        if not self._ready:
            self._ready, self._failed_starts = line + b"\n" == READY, 0
            return
        self._asked.popleft()
        self._crashes = 0
        self._answers.append(decode_answer(line))

    def _watch(self) -> None:
        if not self._asked or time.monotonic() < self._limit():
            return
        if not self._ready:
            self._not_started()
        else:
            self._give_up_first(f"the expression took more than {self._seconds:g} s")
        self._replace()

    def _died(self) -> None:
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=0.5)  # its pipes are closed: it is ending
        if not self._ready:
            self._not_started()
        elif self._asked:
            self._crashed()
        self._replace()

    def _crashed(self) -> None:
        """Only a second end in a row is the request's doing: anyone may have killed the process once."""
        self._crashes += 1
        if self._crashes > 1:
            self._give_up_first(f"the process that evaluates expressions ended ({self._how()})")

    def _give_up_first(self, error: str) -> None:
        self._answers.append(Answer(job_id=self._asked.popleft().job_id, error=error))
        self._crashes = 0

    def _not_started(self) -> None:
        self._failed_starts += 1
        if self._failed_starts >= _STARTS:
            how = self._how()
            self.close()
            raise ExecutorError(
                f"the process that evaluates expressions cannot be started ({how})",
                hint=f"check that `{sys.executable} -I -c 'import jinja2'` works",
            )

    def _how(self) -> str:
        if self._child is None:
            return "it does not answer"
        try:  # its pipe closes a moment before it can be waited for
            code = self._child.wait(_LAST_BREATH)
        except subprocess.TimeoutExpired:
            return "it does not answer"
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name

    def _replace(self) -> None:
        self._end()
        if self._asked:
            self._start()
            self._write()

    def _end(self) -> None:
        child, self._child = self._child, None
        self._unsent.clear()
        if child is None:
            return
        child.kill()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()
        child.wait()


def _import_path() -> list[str]:
    """Where the child finds us, then what we need: it starts isolated, and may be started from anywhere."""
    found = [Path(runner.__file__).parent.parent]
    for name in ("jinja2", "markupsafe"):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            found.append(Path(spec.origin).parent.parent)
    return list(dict.fromkeys(str(path.absolute()) for path in found))
