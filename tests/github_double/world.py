"""What the double remembers: one repository, its people, pull requests, statuses, comments, workflows."""

from __future__ import annotations

from dataclasses import dataclass, field

BOT = "github-actions[bot]"
WORKFLOW_PERMISSIONS = {
    "contents": "read",
    "metadata": "read",
    "actions": "write",
    "statuses": "write",
    "issues": "write",
    "pull_requests": "write",
}


@dataclass
class Account:
    login: str
    id: int
    role: str = ""
    """`admin`, `maintain`, `write`, `triage`, `read`, or "" for none."""

    @property
    def is_bot(self) -> bool:
        return self.login.endswith("[bot]")


@dataclass
class Token:
    account: Account
    is_workflow: bool = False
    permissions: dict[str, str] = field(default_factory=lambda: dict(WORKFLOW_PERMISSIONS))


@dataclass
class Status:
    id: int
    context: str
    state: str
    description: str | None
    target: str | None
    creator: Account
    at: float


@dataclass
class Comment:
    id: int
    pull: int
    author: Account
    body: str
    at: float
    edited_at: float
    minimized: str = ""
    reactions: list[tuple[int, str, str]] = field(default_factory=list)
    """(id, login, content)"""


@dataclass
class Pull:
    number: int
    title: str
    author: Account
    head_commit: str
    head_branch: str
    head_owner: str
    head_repository: int | None
    base_branch: str
    base_commit: str
    body: str = ""
    state: str = "open"
    merge_commit: str | None = None
    merged_at: float | None = None
    locked: bool = False
    draft: bool = False
    commits: tuple[str, ...] = ()


@dataclass
class WorkflowRun:
    id: int
    path: str
    event: str
    branch: str
    commit: str
    conclusion: str | None = "success"
    head_repository: int | None = None
    attempt: int = 1


@dataclass
class Artifact:
    id: int
    name: str
    content: bytes
    run: int
    at: float
    expired: bool = False


@dataclass
class World:
    owner: str = "octo"
    name: str = "lab"
    repository_id: int = 4711
    default_branch: str = "main"
    archived: bool = False
    private: bool = False
    accounts: dict[str, Account] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    commits: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Commit → its parents."""
    branches: dict[str, str] = field(default_factory=dict)
    files: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """(commit, path) → content"""
    statuses: dict[str, list[Status]] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    pulls: dict[int, Pull] = field(default_factory=dict)
    workflows: set[str] = field(default_factory=set)
    workflow_states: dict[str, str] = field(default_factory=dict)
    """File name → state, where it is not `active`."""
    actions_enabled: bool = True
    default_permissions: str = "read"
    fork_approval: str = "first_time_contributors"
    self_hosted_runners: list[str] = field(default_factory=list)
    required_by_rules: dict[str, list[str]] = field(default_factory=dict)
    """Branch → contexts that a ruleset requires."""
    required_by_protection: dict[str, list[str]] = field(default_factory=dict)
    subject_prefix: str = ""
    """Of identity tokens; "" is an Enterprise Server's silence."""
    subject_keys: list[str] = field(default_factory=list)
    runs: dict[int, WorkflowRun] = field(default_factory=dict)
    artifacts: dict[int, Artifact] = field(default_factory=dict)
    dispatches: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    _last_id: int = 1000

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    def new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def account(self, login: str, role: str = "") -> Account:
        """The account of that login; made where there is none."""
        made = self.accounts.setdefault(login, Account(login, self.new_id()))
        made.role = role or made.role
        return made

    def commit_of(self, ref: str) -> str | None:
        """A commit by its hash, or by its branch (`main`, `heads/main`)."""
        if ref in self.commits:
            return ref
        return self.branches.get(ref.removeprefix("refs/").removeprefix("heads/"))

    def ancestors(self, commit: str) -> set[str]:
        found, wanted = set(), [commit]
        while wanted:
            one = wanted.pop()
            if one not in found:
                found.add(one)
                wanted += self.commits.get(one, ())
        return found
