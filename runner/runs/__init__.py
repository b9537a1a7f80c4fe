"""Runs on this machine: where they are, and what their directories say."""

from runner.runs.places import (
    Place,
    choose_directory,
    list_runs,
    make_home,
    new_run_id,
    remember,
    resolve,
)
from runner.runs.reading import Tail, read, read_plan, read_run_id
from runner.stores.directory import is_live

__all__ = [
    "Place",
    "Tail",
    "choose_directory",
    "is_live",
    "list_runs",
    "make_home",
    "new_run_id",
    "read",
    "read_plan",
    "read_run_id",
    "remember",
    "resolve",
]
