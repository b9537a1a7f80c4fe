"""Reading a run from its directory alone, also while it is live: the plan, and the fold of its log."""

from __future__ import annotations

import json
from pathlib import Path

from runner import plan as plans
from runner.errors import LogError, NotFoundError, StoreError
from runner.events import Event, decode
from runner.model import Plan
from runner.state import RunState, apply


def read(directory: Path) -> tuple[Plan, RunState]:
    """The plan and the state of a run. Raises RunnerError subclasses where the directory has none."""
    tail = Tail(directory)
    tail.poll()
    return tail.plan, tail.state


class Tail:
    """A run that is read as it grows: `poll` folds what is new. Holds no lock and no open file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.plan = read_plan(directory)
        self._log = directory / "events.jsonl"
        self._offset = 0
        self.state = RunState.new(read_run_id(directory), self.plan.queue)

    def poll(self) -> list[Event]:
        """Fold the events that were appended since the last call, and return them. A torn last line waits."""
        fresh = self._fresh()
        end = fresh.rfind(b"\n") + 1
        events = []
        for line in fresh[:end].splitlines():
            try:
                event = decode(line)
                apply(self.state, event)
            except LogError as error:
                raise LogError(
                    f"{self._log}, event {self.state.seq + 1}: {error.message}",
                    hint="the log was changed by something other than runner; its earlier lines still hold",
                ) from error
            events.append(event)
        self._offset += end
        return events

    def _fresh(self) -> bytes:
        try:
            with self._log.open("rb") as log:
                log.seek(self._offset)
                return log.read()
        except FileNotFoundError:  # the plan is in place before the log exists
            return b""
        except OSError as error:
            raise StoreError(f"cannot read {self._log}: {error.strerror}") from error


def read_plan(directory: Path) -> Plan:
    path = directory / "plan.json"
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(
            f"{directory} is not the directory of a run: it has no plan.json",
            hint="list the runs: runner runs",
        ) from error
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error
    return plans.from_json(raw)


def read_run_id(directory: Path) -> str:
    """As the log's first line says; before there is one, as the lease does, or the directory's name."""
    for name in ("events.jsonl", "lease"):
        try:
            with (directory / name).open("rb") as file:
                return str(json.loads(file.readline(65536))["run_id"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
    return directory.resolve().name
