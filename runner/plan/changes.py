"""What a new version of a queue changes: values that reporters show."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field. `old` and `new` are short texts to show, empty where there is none.

    A long text has a short unified `diff` instead. With `hidden` the values are not to be shown at all.
    """

    field: str
    old: str = ""
    new: str = ""
    diff: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChange:
    job_id: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """Only the id differs, and what follows from it in other jobs."""

    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """From one version of a queue to the next, by meaning. With `created` there was none before."""

    created: bool = False
    queue: tuple[FieldChange, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    changed: tuple[JobChange, ...] = ()
    reparented: tuple[JobChange, ...] = ()
    reordered: bool = False

    @property
    def none(self) -> bool:
        return self == Changes()
