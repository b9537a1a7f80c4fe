"""One call as an operation sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.github_double.replies import Items, Reply
from tests.github_double.world import Token, World


@dataclass(frozen=True)
class Asked:
    """`path` and `query` are decoded; `body` is the JSON; `api` is the double's own address."""

    world: World
    token: Token
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    now: float
    api: str


Answer = Callable[[Asked], Reply | Items]


@dataclass(frozen=True)
class Operation:
    """`needs`: a permission of the token, as GitHub's header names it; one of several is enough."""

    answer: Answer
    needs: str


def permitted(token: Token, needs: str) -> bool:
    levels = ("none", "read", "write", "admin")
    return any(
        levels.index(token.permissions.get(name, "none")) >= levels.index(level)
        for name, level in (one.strip().split("=") for one in needs.split(";"))
    )
