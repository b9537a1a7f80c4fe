"""Who calls: what Actions says in the environment of a step, read once and checked."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner.errors import RunnerError, UsageError

SUMMARY_LIMIT = 1_000_000
"""Bytes that one step may say in its summary: GitHub takes 1 MiB."""
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One step of a workflow. `checkout` is the caller's repository, `sha` the commit of the event.

    `run_id` and `attempt` are the workflow run's, 0 where there is none (a laptop). `environ` holds the token
    and shows in no repr.
    """

    event_name: str
    event_path: Path
    repository: str
    sha: str
    ref: str
    checkout: Path
    environ: Mapping[str, str] = field(repr=False)
    run_id: int = 0
    attempt: int = 1
    actor: str = ""
    server_url: str = "https://github.com"
    summary_path: Path | None = None
    output_path: Path | None = None

    @property
    def run_url(self) -> str:
        """The page of this workflow run, "" where there is none."""
        return self.page(self.run_id)

    def page(self, workflow_run: int, attempt: int = 1) -> str:
        """Of any workflow run of this repository, "" for 0."""
        again = f"/attempts/{attempt}" if attempt > 1 else ""
        return (
            f"{self.server_url}/{self.repository}/actions/runs/{workflow_run}{again}" if workflow_run else ""
        )

    def files_url(self, commit: str) -> str:
        """The tree at a commit, as `report.links` wants it."""
        return f"{self.server_url}/{self.repository}/blob/{commit}"

    def summarize(self, markdown: str) -> None:
        """Add to the job summary, at most what GitHub takes; nothing where there is none."""
        raw = markdown.encode("utf-8", "replace")
        if len(raw) > SUMMARY_LIMIT:
            raw = raw[:SUMMARY_LIMIT].decode("utf-8", "ignore").encode() + b"\n\n(the rest is left out)\n"
        _append(self.summary_path, raw + b"\n")

    def give(self, **outputs: str) -> None:
        """Set outputs of the step. A value may hold anything: it cannot set another output."""
        for name, value in outputs.items():
            key = name.replace("_", "-")
            assert _NAME.fullmatch(key), key  # noqa: S101  our own names
            mark = f"end-{secrets.token_hex(16)}"
            _append(self.output_path, f"{key}<<{mark}\n{value}\n{mark}\n".encode("utf-8", "replace"))


def from_environment(environ: Mapping[str, str], checkout: Path) -> Context:
    """Raises UsageError, which names the variable that is missing or wrong."""
    return Context(
        event_name=_needed(environ, "GITHUB_EVENT_NAME"),
        event_path=Path(_needed(environ, "GITHUB_EVENT_PATH")),
        repository=_needed(environ, "GITHUB_REPOSITORY"),
        sha=_commit(environ),
        ref=environ.get("GITHUB_REF", ""),
        checkout=checkout,
        environ=environ,
        run_id=number(environ, "GITHUB_RUN_ID", 0),
        attempt=number(environ, "GITHUB_RUN_ATTEMPT", 1),
        actor=environ.get("GITHUB_ACTOR", ""),
        server_url=environ.get("GITHUB_SERVER_URL", "").rstrip("/") or "https://github.com",
        summary_path=_path(environ, "GITHUB_STEP_SUMMARY"),
        output_path=_path(environ, "GITHUB_OUTPUT"),
    )


def is_commit(text: object) -> bool:
    """A full commit id; 40 zeros ("none") are one too."""
    return isinstance(text, str) and _SHA.fullmatch(text) is not None


def _needed(environ: Mapping[str, str], name: str) -> str:
    if not environ.get(name):
        raise UsageError(
            f"{name} is not set", hint="`runner github` is what workflows call: GitHub Actions sets it"
        )
    return environ[name]


def _commit(environ: Mapping[str, str]) -> str:
    sha = _needed(environ, "GITHUB_SHA")
    if not is_commit(sha):
        raise UsageError(f"GITHUB_SHA is {sha[:80]!r}, not a full commit id", hint="GitHub Actions sets it")
    return sha


def number(environ: Mapping[str, str], name: str, default: int) -> int:
    """What is no number counts as not set."""
    text = environ.get(name, "")
    return int(text) if text.isascii() and text.isdigit() else default


def _path(environ: Mapping[str, str], name: str) -> Path | None:
    return Path(environ[name]) if environ.get(name) else None


def _append(path: Path | None, raw: bytes) -> None:
    if path is None:
        return
    try:
        with path.open("ab") as file:
            file.write(raw)
    except OSError as error:
        raise RunnerError(f"cannot write to {os.fspath(path)}: {error.strerror}") from error
