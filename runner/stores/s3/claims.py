"""Who may write what must be there once, and cannot be written conditionally where it is to be: `said/NAME`.

A claim names its holder, who says again and again that it lives. One that was silent for a while has died,
and whoever asks next has it. Ages are differences between times of S3's clock.
"""

from __future__ import annotations

import json
import secrets

from runner.stores.s3.objects import Found, Objects

LASTS = 120.0
"""Seconds after which a holder that said nothing is taken for dead."""


class Claims:
    """Of one process, below a run's own place: machines may not write there. Safe for threads."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._holder = secrets.token_hex(8)

    def take(self, name: str) -> bool:
        """Whether it is ours, for LASTS seconds from having asked. To repeat it prolongs that.

        Raises StoreError.
        """
        name = f"said/{name}.json"
        found = self._objects.get(name)
        is_others = found is not None and _holder_of(found) != self._holder
        if found is not None and is_others and self._objects.now() - found.modified < LASTS:
            return False
        # Never the same bytes twice: S3 would call them the same version, and let two replace it.
        body = json.dumps({"holder": self._holder, "word": secrets.token_hex(8)}).encode()
        return self._objects.replace(name, body, found.etag if found is not None else "", {})


def _holder_of(found: Found) -> str:
    """ "" where what is there is none of ours."""
    try:
        return str(json.loads(found.body)["holder"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
