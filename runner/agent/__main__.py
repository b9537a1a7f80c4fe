"""`python -I -m runner.agent < ORDER`: see `runner.agent`."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import traceback

from runner.agent.order import from_json
from runner.agent.work import carry_out
from runner.errors import BUG, RunnerError

_LARGEST = 256 * 1024 * 1024
_PR_SET_PDEATHSIG = 1


def main() -> int:
    _end_with_parent(os.getppid())
    try:
        return carry_out(from_json(sys.stdin.buffer.read(_LARGEST)))
    except RunnerError as error:
        sys.stderr.write(f"{error.message}\n{error.hint}\n" if error.hint else f"{error.message}\n")
        return error.exit_code
    except Exception:  # noqa: BLE001  the outermost frame: nobody else would say it
        sys.stderr.write(f"this is a bug in runner\n{traceback.format_exc()}")
        return BUG


def _end_with_parent(parent: int) -> None:
    """Interrupted when it dies: nobody would show the run, and its tree may be taken away. Linux only."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
