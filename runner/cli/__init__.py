"""The command line: one small module a command group, imported only when it is used.

`runner --help` and a mistyped command must answer at once, so this file knows the commands by name only.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

from runner.cli.commands import root
from runner.cli.funnel import guarded


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave with its exit code, whatever happens."""
    sys.exit(invoke(sys.argv[1:] if argv is None else argv))


def invoke(argv: Sequence[str]) -> int:
    """Run one command; its exit code. No exception gets out."""
    return guarded(lambda: root.main(args=list(argv), prog_name="runner", standalone_mode=False))
