"""What a policy of IAM allows, as far as the template uses its language; anything else is an error, no guess.

An explicit denial wins, then an explicit permission; what nobody speaks of is denied. All conditions of a
statement must hold, of a condition's values one; a key that the request does not have fulfils nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    """`action` on `resource`; `context`: what AWS knows of the request besides, by condition key."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        said = ", ".join(f"{key}={value}" for key, value in sorted(self.context.items()))
        return f"{self.action} on {self.resource}" + (f" with {said}" if said else "")


@dataclass(frozen=True)
class Statement:
    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    principals: tuple[str, ...] = ()

    def speaks_of(self, call: Call) -> bool:
        return (
            any(_like(pattern.lower(), call.action.lower()) for pattern in self.actions)
            and any(_like(pattern, call.resource) for pattern in self.resources)
            and self._holds(call.context)
        )

    def _holds(self, context: Mapping[str, str]) -> bool:
        given = {key.lower(): value for key, value in context.items()}
        return all(
            key.lower() in given and any(_OPERATORS[name](value, given[key.lower()]) for value in values)
            for name, key, values in self.conditions
        )


def may(statements: Iterable[Statement], call: Call) -> bool:
    speaking = [one for one in statements if one.speaks_of(call)]
    return any(one.effect == "Allow" for one in speaking) and not any(
        one.effect == "Deny" for one in speaking
    )


def may_assume(statements: Iterable[Statement], principal: str, claims: Mapping[str, str]) -> bool:
    """Whether a token of this issuer's provider, with these claims, gets the role of this trust policy."""
    host = principal.partition("oidc-provider/")[2]
    context = {f"{host}:{claim}": value for claim, value in claims.items()}
    ours = [one for one in statements if principal in one.principals]
    return may(ours, Call("sts:AssumeRoleWithWebIdentity", "", context))


def statements(document: Mapping[str, Any]) -> list[Statement]:
    assert document["Version"] == "2012-10-17"
    # What is made only under a condition that does not hold is left over by the emulator as nothing.
    return [_statement(one) for one in document["Statement"] if one is not None]


def _statement(said: Mapping[str, Any]) -> Statement:
    known = {"Sid", "Effect", "Action", "Resource", "Condition", "Principal"}
    assert set(said) <= known, f"the tests do not know {set(said) - known}"
    principal = said.get("Principal", {})
    conditions = said.get("Condition", {})
    assert set(conditions) <= set(_OPERATORS), f"the tests do not know {set(conditions) - set(_OPERATORS)}"
    return Statement(
        sid=said.get("Sid", ""),
        effect=said["Effect"],
        actions=_listed(said["Action"]),
        resources=_listed(said.get("Resource", "*")),
        conditions=tuple(
            (operator, key, _listed(values))
            for operator, keys in conditions.items()
            for key, values in keys.items()
        ),
        principals=_listed(principal)
        if isinstance(principal, str)
        else tuple(one for values in principal.values() for one in _listed(values)),
    )


def _listed(said: str | Sequence[str]) -> tuple[str, ...]:
    return (said,) if isinstance(said, str) else tuple(said)


def _like(pattern: str, text: str) -> bool:
    """A star takes slashes and colons too."""
    parts = re.split(r"([*?])", pattern)
    regex = "".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in parts)
    return re.fullmatch(regex, text, re.DOTALL) is not None


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, given: wanted == given,
    "StringEqualsIgnoreCase": lambda wanted, given: wanted.casefold() == given.casefold(),
    "StringLike": _like,
    "Bool": lambda wanted, given: wanted.lower() == given.lower(),
    "ArnEquals": _like,
}
