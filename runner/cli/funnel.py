"""The one place where exceptions end: expected ones, interrupts, bugs. Each has a code and a sentence."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import click

from runner import __version__
from runner.cli.terminal import in_actions
from runner.errors import BUG, INTERRUPTED, OPERATIONAL, SUCCEEDED, USAGE, RunnerError


def guarded(action: Callable[[], object]) -> int:
    """Do `action`, which returns an exit code (or None for 0), and turn whatever it raises into one."""
    _survive_any_text(sys.stdout, sys.stderr)
    try:
        code = action()
        _flush(sys.stdout)
    except (KeyboardInterrupt, click.Abort):
        _say("runner: interrupted")
        return INTERRUPTED
    except SystemExit:  # click's own end when the reader of our output went away
        return OPERATIONAL
    except Exception as error:  # noqa: BLE001  this is the funnel
        if isinstance(error, OSError):
            drop(sys.stdout)
        sentence, code = _expected(error) or (_bug(error), BUG)
        if sentence:
            _say(sentence)
    return code if isinstance(code, int) else SUCCEEDED


def _expected(error: Exception) -> tuple[str, int] | None:
    """What to say and how to leave; None for what nobody foresaw: a bug."""
    known: tuple[str, int] | None = None
    match error:
        case RunnerError():
            hint = f"\n  {error.hint}" if error.hint else ""
            known = f"runner: {error.message}{hint}", error.exit_code
        case click.UsageError():
            known = _usage(error), USAGE
        case click.ClickException():
            known = f"runner: {error.format_message()}", USAGE
        case BrokenPipeError():
            known = "", OPERATIONAL  # whoever read the output went away, as with `| head`
        case OSError():
            known = f"runner: {_system(error)}", OPERATIONAL
        case MemoryError():
            known = "runner: there is not enough memory for this", OPERATIONAL
    return known


def _usage(error: click.UsageError) -> str:
    if error.ctx is not None and error.format_message() == error.ctx.get_help():
        return error.format_message()  # a group without a command shows its help
    command = error.ctx.command_path if error.ctx else "runner"
    return f"runner: {error.format_message()}\n  see: {command} --help"


def _system(error: OSError) -> str:
    what = error.strerror or str(error) or type(error).__name__
    named = [os.fsdecode(n) for n in (error.filename, error.filename2) if isinstance(n, str | bytes)]
    return f"the system refused: {what}" + (f": {' and '.join(named)}" if named else "")


def _bug(error: Exception) -> str:
    kind = type(error).__name__
    trace = "".join(traceback.format_exception(error))
    report = f"runner {__version__}, Python {sys.version.split()[0]}\n{trace}"
    path = _keep(report)
    if path is None:
        return f"{report}\nrunner: this is a bug in runner ({kind}); the lines above say where"
    return f"runner: this is a bug in runner ({kind}); please report it with {path}"


def _keep(report: str) -> Path | None:
    """Where the traceback was written: the user's state folder, else the system's temporary one."""
    # Imported here, because nobody pays for a bug that did not happen.
    from runner.runs.index import state_folder  # noqa: PLC0415

    for folder in (state_folder() / "bugs", Path(tempfile.gettempdir())):
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(prefix="runner-bug-", suffix=".log", dir=folder)
            with os.fdopen(descriptor, "w", errors="backslashreplace") as file:
                file.write(report)
            return Path(name)
    return None


def _say(text: str) -> None:
    text = _harmless(text) if in_actions() else text
    with contextlib.suppress(OSError, ValueError):  # nobody is listening: the exit code still tells
        print(text, file=sys.stderr, flush=True)  # noqa: T201


def _harmless(text: str) -> str:
    """A message may quote anything, and Actions obeys some lines of a log."""
    # Imported here, because a command that works has nothing to say.
    from runner.report import clean, escaping  # noqa: PLC0415

    return escaping.disarmed("\n".join(clean.lines(text)))


def _survive_any_text(*streams: TextIO | None) -> None:
    """No name of a file or line of a log may fail to print because of the terminal's encoding."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _flush(stream: TextIO | None) -> None:
    if stream is not None and not stream.closed:
        stream.flush()


def drop(stream: TextIO | None) -> None:
    """Send what is still buffered nowhere: the interpreter's flush at exit must not complain too."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())  # type: ignore[union-attr]
        os.close(null)
