"""Which forge the environment names: GitHub, or the same as files on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from runner.ports import Clock, CodeHost


def open_forge(
    environ: Mapping[str, str],
    *,
    clock: Clock,
    patience: float | None = None,
    notice: Callable[[str], object] = lambda _: None,
) -> CodeHost:
    """The forge that GITHUB_API_URL leads to; `file:///FOLDER` is the embedded one. Raises UsageError.

    `patience`: seconds that one request may wait for its turn, where the default is too long.
    `notice` is told of requests that are tried again.
    """
    url = urlsplit(environ.get("GITHUB_API_URL", ""))
    # Imported here: GitHub's half costs 120 ms that the embedded forge need not pay, and the other way round.
    if url.scheme == "file":
        from runner.forges.files import FileForge  # noqa: PLC0415

        return FileForge(Path(unquote(url.path)), clock=clock)
    from runner.forges.github import PATIENCE, open_github  # noqa: PLC0415

    return open_github(
        environ, clock=clock, patience=PATIENCE if patience is None else patience, notice=notice
    )
