"""How the repository is set up, in one file that the tests and the demonstration write: settings.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from runner.forges.files.folder import Folder
from runner.ports import Subject, WorkflowFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """None: nobody may look. `workflows`: path → state; `required`: branch → contexts;
    `token_subject`: how it begins."""

    workflows: dict[str, str] | None = None
    actions_enabled: bool | None = True
    default_permissions: str | None = "read"
    fork_approval: str | None = "first_time_contributors"
    self_hosted_runners: int | None = 0
    required: dict[str, list[str]] | None = field(default_factory=dict)
    token_subject: str | None = None


class Administering:
    """The port `Administration`."""

    _folder: Folder

    def workflows(self) -> Sequence[WorkflowFile] | None:
        found = self._setup().workflows
        if found is None:
            return None
        return tuple(WorkflowFile(path=path, state=state) for path, state in sorted(found.items()))

    def actions_enabled(self) -> bool | None:
        return self._setup().actions_enabled

    def default_permissions(self) -> str | None:
        return self._setup().default_permissions

    def fork_approval(self) -> str | None:
        return self._setup().fork_approval

    def self_hosted_runners(self) -> int | None:
        return self._setup().self_hosted_runners

    def required_checks(self, branch: str) -> frozenset[str] | None:
        required = self._setup().required
        return None if required is None else frozenset(required.get(branch, ()))

    def token_subject(self) -> Subject | None:
        prefix = self._setup().token_subject
        return None if prefix is None else Subject(prefix=prefix)

    def _setup(self) -> Setup:
        return self._folder.record("settings.json", Setup) or Setup()

    def put_setup(self, setup: Setup) -> None:
        self._folder.put("settings.json", setup)
