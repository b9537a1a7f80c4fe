"""A reply, and the ways in which GitHub says no, in its own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DOCUMENTATION = "https://docs.github.com/rest"


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Items:
    """A list of which the reply is one page; `key` names it inside an object that also counts them."""

    items: list[Any]
    key: str = ""
    around: Mapping[str, Any] = field(default_factory=dict)


class Refusal(Exception):
    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.reply = Reply(
            status,
            {"message": message, "documentation_url": DOCUMENTATION},
            {name.replace("_", "-"): value for name, value in headers.items()},
        )


class Invalid(Refusal):
    """422, with the field that is wrong."""

    def __init__(self, resource: str, field_name: str, message: str, code: str = "custom") -> None:
        super().__init__(422, "Validation Failed")
        self.reply.body["errors"] = [
            {"resource": resource, "code": code, "field": field_name, "message": message}
        ]


def missing() -> Refusal:
    return Refusal(404, "Not Found")
