"""`.github/runner.yaml` → one frozen type. Without the file everything has its default: runs are local."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner import document, schema
from runner.errors import RunnerError
from runner.launching.account import Account
from runner.problems import Problem
from runner.units import parse_duration, parse_size
from runner.validate import Policy

PLACE = ".github/runner.yaml"
QUEUES = ("queues/**/*.yaml", "queues/**/*.yml", "queues/**/*.json")
_LISTS = ("providers", "machine_types", "secrets", "amis", "subnets", "regions", "instance_profiles")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitOps:
    """How runs are started from a forge and shown there. `allow`: `write`, `admin`, or logins.

    `environment` are the names that `${NAME}` and `env:NAME` may read there; `live_interval` is in seconds.
    """

    require_digest: bool = True
    max_launches: int = 5
    environment: tuple[str, ...] = ()
    allow: str | tuple[str, ...] = "write"
    status_jobs: int = 40
    live_interval: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What holds for all queues of a repository. `machine` is that of queues that say nothing, as written."""

    machine: Mapping[str, Any] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    has_aws: bool = False
    account: Account = field(default_factory=Account)
    results: str | None = None
    queues: tuple[str, ...] = QUEUES
    gitops: GitOps = field(default_factory=GitOps)


def read(checkout: Path) -> tuple[Config, list[Problem]]:
    """The configuration of a checkout and what is wrong with it, placed. A bad one counts as none."""
    path = checkout / PLACE
    try:
        raw = _bytes(path) if path.is_file() else None
    except OSError as error:
        hint = "make it readable, or delete it"
        raise RunnerError(f"{path} cannot be read: {error.strerror}", hint=hint) from error
    if raw is None or not raw.strip():
        return Config(), []
    return parse(raw, PLACE)


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(document.MAX_BYTES + 1)


def parse(raw: bytes, name: str) -> tuple[Config, list[Problem]]:
    """The configuration in these bytes, or the default one and the problems."""
    parsed = document.parse(raw, name)
    if isinstance(parsed, list):
        comments_only = [problem.rule for problem in parsed] == ["empty"]
        return Config(), [] if comments_only else parsed
    if parsed.tree is None:
        return Config(), []
    problems = schema.check(parsed.tree, "config")
    if problems:
        return Config(), document.place(parsed, problems)
    return _made(parsed.tree), []


def _made(tree: Mapping[str, Any]) -> Config:
    return Config(
        machine=tree.get("machine") or {},
        policy=_policy(tree.get("policy") or {}),
        has_aws=bool(tree.get("aws")),
        account=_account(tree.get("aws") or {}),
        results=tree.get("results"),
        queues=tuple(tree.get("queues") or QUEUES),
        gitops=_gitops(tree),
    )


def _gitops(tree: Mapping[str, Any]) -> GitOps:
    policy, shown = tree.get("policy") or {}, tree.get("github") or {}
    allow = (tree.get("commands") or {}).get("allow", "write")
    return GitOps(
        require_digest=bool(policy.get("require_digest", True)),
        max_launches=int(policy.get("max_launches", 5)),
        environment=tuple(policy.get("environment") or ()),
        allow=allow if isinstance(allow, str) else tuple(allow),
        status_jobs=int(shown.get("status_jobs", 40)),
        live_interval=parse_duration(shown.get("live_interval", "15s")) or 15.0,
    )


def _account(given: Mapping[str, Any]) -> Account:
    return Account(
        region=given.get("region", ""),
        bucket=given.get("bucket", ""),
        prefix="/".join(part for part in given.get("prefix", "").split("/") if part),
        instance_profile=given.get("instance_profile", ""),
        subnets=tuple(given.get("subnets") or ()),
        security_group=given.get("security_group", ""),
        role=given.get("role", ""),
    )


def _policy(given: Mapping[str, Any]) -> Policy:
    lists = {name: tuple(given[name]) for name in _LISTS if name in given}
    ttl, disk = given.get("max_ttl"), given.get("max_disk")
    return Policy(
        **lists,
        max_ttl=None if ttl is None else parse_duration(ttl),
        max_disk=None if disk is None else parse_size(disk),
        max_cost=given.get("max_cost"),
        require_user=bool(given.get("require_user", False)),
    )
