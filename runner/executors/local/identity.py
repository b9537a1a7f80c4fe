"""The user that jobs are, where they are not the runner itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Jobs have this user and this group, and no others. `home` is an absolute path."""

    name: str
    uid: int
    gid: int
    home: str

    def environment(self) -> dict[str, str]:
        """What a login would say of it."""
        return {"HOME": self.home, "USER": self.name, "LOGNAME": self.name}
