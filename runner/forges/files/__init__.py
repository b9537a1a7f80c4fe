"""The embedded forge: the same statuses and comments as files, so that the whole loop runs on a laptop.

What GitHub would refuse is refused here too. The `put_…` methods stand for what people and GitHub itself do:
open a pull request, give a permission, keep an artifact.
"""

from __future__ import annotations

from pathlib import Path

from runner.forges.files.administration import Administering, Setup
from runner.forges.files.folder import Folder
from runner.forges.files.publishing import Publishing
from runner.ports import Clock

__all__ = ["LOGIN", "FileForge", "Setup"]

LOGIN = "runner[bot]"


class FileForge(Publishing, Administering):
    """All ports of a forge, in a folder such as `.runner/forge`."""

    def __init__(self, root: Path, *, clock: Clock, login: str = LOGIN) -> None:
        super().__init__(Folder(root), clock, login)

    def next_write(self) -> float:
        """At once, always."""
        return 0.0

    def share(self, among: int) -> None:
        """There is no budget here."""

    def close(self) -> None:
        """Nothing is held open."""

    def __repr__(self) -> str:
        return f"FileForge({self._folder.root})"
