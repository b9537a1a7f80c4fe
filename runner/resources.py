"""Files that come with the program: schemas, templates, example queues."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def path(kind: str, name: str = "") -> Path:
    """Where a file of `kind` (`schemas`, `templates`, `queues`) is, whether or not it exists.

    An installed package carries them inside itself; in a checkout they stand beside the package.
    """
    carried = _PACKAGE / "_data"
    return (carried if carried.is_dir() else _PACKAGE.parent) / kind / name
