"""Run one function in one forked child, with bounds on memory, CPU time, wall time and the result's size.

What a hostile file can make a pure function do cannot be bounded inside the process. A child costs about
4 ms, sees everything its parent sees, and is gone with all that it allocated. Its result comes back as JSON:
strings, numbers, booleans, None, lists and string-keyed dicts keep their types; nothing else comes back.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

LARGEST_RESULT = 64 << 20
"""Bytes of JSON."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPROF, signal.SIGXCPU)
_WALL = 4.0
"""Wall time, as a multiple of the CPU time: the machine may be busy with other things."""


class BoundExceeded(Exception):  # noqa: N818  the name says what happened; it is a verdict, not a failure
    """The function was ended. `reason` goes on after "it": `took more than 1 s of CPU time`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ChildError(Exception):
    """The function raised: a bug. The text is the child's traceback."""


def bounded(function: Callable[..., Any], *args: Any, seconds: float, memory: int) -> Any:
    """`function(*args)`, computed in a child that may use `seconds` of CPU time and `memory` more bytes.

    Raises BoundExceeded, or ChildError where the function raised or gave what is not JSON. Where the
    system cannot bound memory (macOS), the other bounds still hold.
    """
    reading, writing = os.pipe()
    with _no_signals():
        pid = _fork()
        if pid == 0:
            os.close(reading)
            _child(writing, function, args, seconds, memory)
    os.close(writing)
    late = "was interrupted"
    try:
        received, late = _receive(reading, time.monotonic() + 1 + _WALL * seconds)
    finally:
        os.close(reading)
        if late:
            os.kill(pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if late:
        raise BoundExceeded(late)
    return _result(received, status, seconds, memory)


@contextlib.contextmanager
def _no_signals() -> Iterator[None]:
    """Hold signals back: one that came right after the fork would unwind the parent's stack in the child."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _fork() -> int:
    with warnings.catch_warnings():
        # Python ≥ 3.12 warns of forking beside threads: the child takes no lock that they could hold
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _receive(reading: int, deadline: float) -> tuple[bytes, str]:
    """All that the child writes until it ends, and why it has to be ended now ("" if it need not)."""
    chunks: list[bytes] = []
    size = 0
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    while (left := deadline - time.monotonic()) > 0:
        if not poll.poll(left * 1000):
            break
        chunk = os.read(reading, 1 << 20)
        if not chunk:
            return b"".join(chunks), ""
        chunks.append(chunk)
        size += len(chunk)
        if size > LARGEST_RESULT:
            return b"", f"made more than {LARGEST_RESULT >> 20} MiB"
    return b"", "took too long"


def _result(received: bytes, status: int, seconds: float, memory: int) -> Any:
    if -status in {signal.SIGXCPU, signal.SIGPROF}:
        raise BoundExceeded(f"took more than {seconds:.2g} s of CPU time")
    if received[:1] == b"=":
        return json.loads(received[1:])
    if received[:1] == b"!":
        raise ChildError(received[1:].decode(errors="replace"))
    if received[:1] == b"m":
        raise BoundExceeded(f"needed more than {memory >> 20} MiB of memory")
    raise BoundExceeded(
        f"was ended by {signal.Signals(-status).name}" if status < 0 else "ended without a result"
    )


def _child(
    writing: int, function: Callable[..., Any], args: tuple[Any, ...], seconds: float, memory: int
) -> NoReturn:
    """The child's whole life. It leaves by `_exit`: nothing of the parent is flushed, closed or told."""
    said = b"m"
    try:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        gc.disable()  # it would touch, and so copy, every page of the parent
        _limit(seconds, memory)
        said = b"=" + json.dumps(function(*args), allow_nan=False, check_circular=False).encode()
    except (MemoryError, RecursionError):
        said = b"m"
    except BaseException:  # noqa: BLE001  whatever it is goes to the parent, which raises it
        said = b"!" + traceback.format_exc(limit=-20)[-20_000:].encode(errors="replace")
    finally:
        _send(writing, said)
        os._exit(0)


def _send(writing: int, said: bytes) -> None:
    view = memoryview(said)
    try:
        while view:
            view = view[os.write(writing, view) :]
    except OSError:  # the parent is gone, and nobody is left to tell
        return


def _limit(seconds: float, memory: int) -> None:
    signal.setitimer(
        signal.ITIMER_PROF, max(seconds, 0.001)
    )  # to the millisecond, but a handler could stop it
    whole = int(seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    bound = address_space() + memory
    try:
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        if hard == resource.RLIM_INFINITY or hard > bound:
            resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
    except (OSError, ValueError):  # macOS has the name, and refuses to set it
        return


def address_space() -> int:
    """Bytes of address space that this process has now."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  a file that is read a thousand times
            return int(file.read().split()[0]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        # without /proc there is no base to add to: far more than any process of ours
        return 8 << 30
