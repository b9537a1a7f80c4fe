"""What a machine is called, so that it is found again: its token and its tags."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from runner.ports import Instance

RUN = "runner:run"
QUEUE = "runner:queue"
REPOSITORY = "runner:repository"
COMMIT = "runner:commit"
PULL = "runner:pull"
TTL = "runner:ttl"
OWNER = "runner:owner"
GENERATION = "runner:generation"
LAUNCH = "runner:launch"
_STRANGE = re.compile(r"[^\w +\-=.:/@]")
_LONGEST = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a machine is for. `ttl` in seconds; `owner`: who started it; `pull`: "" where there is none."""

    run_id: str
    queue_id: str
    repository: str
    commit: str
    generation: int
    ttl: float
    pull: str = ""
    owner: str = ""


def token(purpose: Purpose, number: int) -> str:
    """64 characters, the same for the same run, generation and number of the launch."""
    said = [purpose.repository.casefold(), purpose.run_id, purpose.generation, number]
    return hashlib.sha256(json.dumps(said).encode("ascii")).hexdigest()


def tags_of(purpose: Purpose, number: int) -> dict[str, str]:
    """All tags of a machine. What a tag cannot hold is replaced by `-`."""
    tags = {
        "Name": f"runner {purpose.run_id}",
        **search_tags(purpose),
        QUEUE: purpose.queue_id,
        COMMIT: purpose.commit,
        PULL: purpose.pull,
        TTL: f"{purpose.ttl:.0f}",
        OWNER: purpose.owner,
        LAUNCH: str(number),
    }
    return {key: _clean(value) for key, value in tags.items() if value}


def search_tags(purpose: Purpose) -> dict[str, str]:
    """Those by which the machines of one generation of a run are found."""
    tags = {**repository_tags(purpose.repository), RUN: purpose.run_id, GENERATION: str(purpose.generation)}
    return {key: _clean(value) for key, value in tags.items()}


def repository_tags(repository: str) -> dict[str, str]:
    """Those by which all machines of a repository are found: nothing else is ever ended."""
    return {REPOSITORY: _clean(repository.casefold())}


def number_of(instance: Instance, tag: str) -> int:
    """0 where the tag is missing or no number."""
    said = instance.tags.get(tag, "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 19 else 0


def is_of(instance: Instance, tags: Mapping[str, str]) -> bool:
    """Whether it carries all these tags."""
    return all(instance.tags.get(key) == value for key, value in tags.items())


def _clean(value: str) -> str:
    return _STRANGE.sub("-", value)[:_LONGEST]
