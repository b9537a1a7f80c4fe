"""Where runs are: `.runner/` in the checkout, and the directories that were given with `--run-dir`."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from runner.errors import NotFoundError, StoreError, UsageError
from runner.problems import shorten
from runner.runs import index

HOME = ".runner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One run: its id, its directory, when it was made (seconds since the epoch)."""

    run_id: str
    directory: Path
    created: float


def make_home(checkout: Path) -> Path:
    """The checkout's `.runner/`, made if need be and hidden from git. Raises StoreError."""
    home = checkout / HOME
    ignore = home / ".gitignore"
    try:
        home.mkdir(exist_ok=True)
        if not ignore.exists():
            ignore.write_text("*\n")
    except OSError as error:
        raise StoreError(
            f"cannot make the folder for runs, {home}: {error.strerror}",
            hint="give a folder that can be written with --run-dir DIR",
        ) from error
    return home


def choose_directory(run_id: str, *, checkout: Path, run_dir: str | None, results: str | None = None) -> Path:
    """The directory of a new run, which does not exist yet or is empty.

    `run_dir` replaces the queue's own `results` (seen from the checkout); a bucket there is not for this
    machine. Raises RunnerError subclasses where it cannot be.
    """
    if run_dir is None and results is not None and "://" not in results:
        return (checkout / results / run_id).absolute()
    if run_dir is None:
        return make_home(checkout) / run_id
    directory = Path(run_dir).absolute()
    try:
        taken = directory.exists() and (not directory.is_dir() or any(directory.iterdir()))
    except OSError as error:
        raise StoreError(f"cannot look into {directory}: {error.strerror}") from error
    if taken:
        raise UsageError(
            f"--run-dir {run_dir} is not an empty directory, and each run needs one of its own",
            hint="name a directory that does not exist yet, or `runner resume` the run that is in it",
        )
    return directory


def remember(run_id: str, directory: Path, checkout: Path) -> None:
    """Make a run outside `.runner/` findable by its id. Does nothing for the others."""
    if directory.parent != checkout / HOME:
        index.remember(index.Entry(run_id=run_id, directory=directory, checkout=checkout))


def list_runs(checkout: Path) -> list[Place]:
    """The runs of this checkout, newest first."""
    places = _at_home(checkout)
    known = {p.directory for p in places}
    places += [p for p in _remembered(checkout) if p.directory not in known]
    return sorted(places, key=lambda p: (p.created, p.run_id), reverse=True)


def resolve(ref: str | None, checkout: Path) -> Path:
    """The directory of a run, named by its id, a unique prefix of that, or its directory; else the newest.

    Raises NotFoundError, with what there is instead.
    """
    if ref is None:
        newest = list_runs(checkout)
        if not newest:
            raise NotFoundError(
                f"there is no run in {checkout / HOME} yet", hint="start one: runner run FILE"
            )
        return newest[0].directory
    if "://" in ref:
        raise NotFoundError(
            f"{shorten(ref)} is not on this machine, and this needs a run that is",
            hint="status, logs, results, report, cancel, retry and resume take s3://BUCKET/PREFIX/runs/RUN_ID",
        )
    exact = checkout / HOME / ref
    if "/" not in ref and _is_run(exact):
        return exact
    if "/" in ref or ref in {".", ".."} or _is_run(Path(ref)):
        return _directory(ref)
    return _by_prefix(ref, [*_at_home(checkout), *_remembered(None)])


def _directory(ref: str) -> Path:
    directory = Path(ref).absolute()
    if not directory.is_dir():
        raise NotFoundError(f"there is no directory {directory}", hint="list the runs: runner runs")
    if not _is_run(directory):
        raise NotFoundError(
            f"{directory} is not the directory of a run: it has no plan.json",
            hint="list the runs: runner runs",
        )
    return directory


def _by_prefix(ref: str, places: list[Place]) -> Path:
    matches = {p.directory: p for p in places if p.run_id.startswith(ref)}
    exact = [p for p in matches.values() if p.run_id == ref]
    found = exact or list(matches.values())
    if len(found) == 1:
        return found[0].directory
    if found:
        named = ", ".join(p.run_id for p in found[:4]) + (", …" if len(found) > 4 else "")
        raise NotFoundError(
            f"{len(found)} runs begin with {shorten(ref)}: {named}",
            hint="write more of the id, or the directory",
        )
    near = difflib.get_close_matches(ref, [p.run_id for p in places], n=1)
    raise NotFoundError(
        f"there is no run {shorten(ref)}",
        hint=f"did you mean {near[0]}?" if near else "list the runs: runner runs",
    )


def _is_run(directory: Path) -> bool:
    try:
        return (directory / "plan.json").is_file()
    except (OSError, ValueError):  # a name that is too long, or holds a NUL byte, is no run
        return False


def _at_home(checkout: Path) -> list[Place]:
    try:
        folders = list((checkout / HOME).iterdir())
    except OSError:
        return []
    return [place for folder in folders if (place := _place(folder.name, folder)) is not None]


def _remembered(checkout: Path | None) -> list[Place]:
    return [
        place
        for entry in index.entries()
        if checkout in (None, entry.checkout) and (place := _place(entry.run_id, entry.directory)) is not None
    ]


def _place(run_id: str, directory: Path) -> Place | None:
    try:
        created = (directory / "plan.json").stat().st_mtime
    except OSError:
        return None
    return Place(run_id=run_id, directory=directory, created=created)
