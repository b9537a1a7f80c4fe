"""What `doctor` looks at, gathered before it judges: complete, frozen, without an opinion."""

from __future__ import annotations

from dataclasses import dataclass

from runner.clouds.account import facts as clouds
from runner.launching.account import Account
from runner.ports import RepositoryFacts, Subject, WorkflowFile
from runner.problems import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Versions as texts, "" where a program is missing; `free` in bytes, on the disk of the checkout."""

    python: tuple[int, int]
    git: str
    bash: bool
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A workflow file of ours: its text here and on the default branch, None where it is not there."""

    path: str
    here: str | None
    merged: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """`remote` is OWNER/NAME of `origin`, "" where it is none of GitHub's; then `elsewhere` is its host,
    "" where it has none.

    `default` is the branch that is taken for the default one, `certain` whether somebody said so, `known`
    whether git has commits of it.
    `names` are the workflows of other files: name → path. `unowned`: places that no CODEOWNERS rule covers.
    """

    remote: str
    default: str
    certain: bool
    known: bool
    callers: tuple[Caller, ...]
    names: dict[str, str]
    ignored: bool
    unowned: tuple[str, ...]
    elsewhere: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What is wrong with the settings and with `queues` queue files."""

    queues: int
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Online:
    """What GitHub says. None: the token may not look."""

    login: str
    repository: RepositoryFacts
    workflows: tuple[WorkflowFile, ...] | None
    actions_enabled: bool | None
    default_permissions: str | None
    fork_approval: str | None
    self_hosted_runners: int | None
    required_checks: frozenset[str] | None
    token_subject: Subject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unasked:
    """GitHub was not asked, or did not answer: why, and what to do. `failed`: it was to be asked."""

    why: str
    fix: str
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Aws:
    """`named`: the settings have `aws`. `unlimited`: limits that `policy` could set and does not.

    `elsewhere`: regions in which queues want machines besides. `unpriced`: types without a known price.
    """

    named: bool
    account: Account
    unlimited: tuple[str, ...]
    elsewhere: tuple[str, ...]
    unpriced: tuple[str, ...]
    found: clouds.Account | clouds.Unasked


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """`repository` is None outside of git, `aws` where neither settings nor queues speak of it."""

    machine: Machine
    repository: Repository | None
    files: Files
    github: Online | Unasked
    aws: Aws | None = None
