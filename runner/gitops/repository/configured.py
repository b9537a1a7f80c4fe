"""The configuration of a commit that is trusted: never that of the change which is looked at."""

from __future__ import annotations

from pathlib import Path

from runner import config as configuration
from runner.config import Config
from runner.errors import RefusedError
from runner.gitops.repository import history


def config_at(checkout: Path, commit: str) -> Config:
    """Raises RefusedError where it is broken: no limits at all would be worse than nothing running."""
    raw = history.show(checkout, commit, configuration.PLACE)
    if raw is None or not raw.strip():
        return Config()
    config, problems = configuration.parse(raw, configuration.PLACE)
    if problems:
        first = problems[0]
        raise RefusedError(
            f"the configuration at {commit[:12]} is broken, {first.location}: {first.message}",
            hint=f"mend {configuration.PLACE} on the default branch first; nothing runs without it",
        )
    return config
