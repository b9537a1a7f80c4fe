"""How the repository is set up on GitHub, as far as the token may look."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from runner.errors import ForgeNotFoundError, ForgeRefusedError
from runner.forges.github import reading
from runner.forges.github.api import Api, segment
from runner.ports import Subject, WorkflowFile

Found = TypeVar("Found")


class Administering:
    """The port `Administration`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def workflows(self) -> Sequence[WorkflowFile] | None:
        doing = "list the workflows"
        found = _unless_refused(lambda: self._api.pages(doing, "/actions/workflows", key="workflows"))
        return None if found is None else tuple(reading.read(_workflow, item) for item in found)

    def actions_enabled(self) -> bool | None:
        doing = "ask whether Actions are enabled"
        found = _unless_refused(lambda: self._api.get(doing, "/actions/permissions"))
        return None if found is None else reading.read(lambda reply: bool(reply["enabled"]), found)

    def default_permissions(self) -> str | None:
        where = "/actions/permissions/workflow"
        return self._setting("what workflows may do by default", where, "default_workflow_permissions")

    def fork_approval(self) -> str | None:
        where = "/actions/permissions/fork-pr-contributor-approval"
        return self._setting("which forks need approval", where, "approval_policy")

    def self_hosted_runners(self) -> int | None:
        doing, where = "count the self-hosted runners", "/actions/runners"
        found = _unless_refused(lambda: self._api.pages(doing, where, key="runners"))
        return None if found is None else len(found)

    def required_checks(self, branch: str) -> frozenset[str] | None:
        """Of rulesets and of the older branch protection: GitHub keeps them apart and applies both."""
        doing = f"ask what {branch} requires"
        rules = _unless_refused(lambda: self._api.pages(doing, f"/rules/branches/{segment(branch)}"))
        older = _unless_refused(lambda: self._api.get(doing, f"/branches/{segment(branch)}"))
        if rules is None and older is None:
            return None
        return frozenset(
            [context for rule in rules or () for context in reading.read(_of_rule, rule)]
            + (reading.read(_of_protection, older) if older else [])
        )

    def token_subject(self) -> Subject | None:
        doing, where = "ask what its tokens say", "/actions/oidc/customization/sub"
        found = _unless_refused(lambda: self._api.get(doing, where))
        return None if found is None else reading.read(_subject, found)

    def _setting(self, what: str, where: str, key: str) -> str | None:
        found = _unless_refused(lambda: self._api.get(f"ask {what}", where))
        return None if found is None else reading.read(lambda reply: str(reply[key]), found)


def _unless_refused(ask: Callable[[], Found]) -> Found | None:
    """None where the token may not, which GitHub says with 403 and, of what it hides, with 404."""
    try:
        return ask()
    except (ForgeRefusedError, ForgeNotFoundError):
        return None


def _workflow(found: Mapping[str, Any]) -> WorkflowFile:
    return WorkflowFile(path=found["path"], state=found["state"])


def _subject(found: Mapping[str, Any]) -> Subject:
    chosen = () if found["use_default"] else found.get("include_claim_keys") or ()
    return Subject(prefix=found.get("sub_claim_prefix") or "", keys=tuple(chosen))


def _of_rule(rule: Mapping[str, Any]) -> list[str]:
    if rule["type"] != "required_status_checks":
        return []
    return [check["context"] for check in rule["parameters"]["required_status_checks"]]


def _of_protection(branch: Mapping[str, Any]) -> list[str]:
    required = (branch.get("protection") or {}).get("required_status_checks") or {}
    return list(required.get("contexts") or ())
