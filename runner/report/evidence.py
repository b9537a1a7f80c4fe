"""What reporters show beside the folded log. The shell gathers it from the run's directory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A result file as the manifest has it: a relative path, bytes, hexadecimal SHA-256."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """By job id. `tails` are the last lines of a job's logs, clean, output before errors; `errors` how many
    of these are of standard error; `summaries` markdown that jobs wrote.
    """

    tails: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    errors: Mapping[str, int] = field(default_factory=dict)
    summaries: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, tuple[StoredFile, ...]] = field(default_factory=dict)
