"""Runs on this machine and in buckets: where they are, and what their files say."""

from runner.runs.ids import new_run_id
from runner.runs.opening import open_run
from runner.runs.places import (
    Place,
    choose_directory,
    list_runs,
    make_home,
    remember,
    resolve,
)
from runner.runs.reading import Tail, read, read_plan, read_run_id
from runner.runs.source import RunSource, Where, source_of
from runner.stores.directory import is_live

__all__ = [
    "Place",
    "RunSource",
    "Tail",
    "Where",
    "choose_directory",
    "is_live",
    "list_runs",
    "make_home",
    "new_run_id",
    "open_run",
    "read",
    "read_plan",
    "read_run_id",
    "remember",
    "resolve",
    "source_of",
]
