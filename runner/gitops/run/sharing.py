"""One budget of writes for a repository, though several workflow runs publish to it at the same time."""

from __future__ import annotations

import re

from runner.errors import ForgeError
from runner.gitops.context import Context
from runner.ports import CodeHost

EVERY = 300.0
"""Seconds between two counts."""
_PUBLISHING = ("merge", "command", "reconcile", "cloud")
_OURS = re.compile(
    r"/\.github/workflows/([A-Za-z0-9._-]*?)(?:merge|command|reconcile|cloud)(\.ya?ml)@", re.ASCII
)


class Sharing:
    """Counts, now and then, the workflow runs that publish, and takes an equal part of the budget.

    Their number may be wrong for a while: then GitHub says so, and waiting is what is done about it.
    """

    def __init__(self, context: Context, forge: CodeHost) -> None:
        self._forge = forge
        self._due = 0.0
        # As Actions names it: OWNER/REPO/.github/workflows/runner-merge.yaml@refs/heads/main
        match = _OURS.search(context.environ.get("GITHUB_WORKFLOW_REF", ""))
        self._files = [f"{match[1]}{name}{match[2]}" for name in _PUBLISHING] if match else []

    def look(self, now: float) -> None:
        if not self._files or now < self._due:
            return
        self._due = now + EVERY
        try:
            self._forge.share(max(1, sum(self._forge.active(file) for file in self._files)))
        except ForgeError:
            return  # what nobody can count is shared by nobody: GitHub's own limits still hold
