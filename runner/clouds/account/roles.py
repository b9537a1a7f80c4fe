"""Roles, who may be them, and what they may do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from botocore import exceptions as sdk

from runner.aws.clients import Client
from runner.aws.failures import code_of
from runner.clouds.account.asking import seen
from runner.clouds.account.facts import Condition, Profile, Provider, Right, Role, Statement

SPOT = "AWSServiceRoleForEC2Spot"


def look(iam: Client, arn: str, wanted: Sequence[tuple[str, str]] = ()) -> Role | None:
    """`wanted`: actions and resources. None where there is no such role. Raises the SDK's errors."""
    try:
        said = iam.get_role(RoleName=arn.rpartition("/")[2])["Role"]
    except sdk.ClientError as error:
        if code_of(error) == "NoSuchEntity":
            return None
        raise
    return _role(iam, said, wanted)


def profile(iam: Client, named: str, wanted: Sequence[tuple[str, str]]) -> Profile | None:
    """By its name or ARN. None where there is none."""
    name = named.rpartition("/")[2]
    try:
        said = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    except sdk.ClientError as error:
        if code_of(error) == "NoSuchEntity":
            return None
        raise
    roles = said.get("Roles") or []
    return Profile(name=name, role=_role(iam, roles[0], wanted) if roles else None)


def providers(iam: Client) -> tuple[Provider, ...]:
    arns = [one["Arn"] for one in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    return tuple(
        Provider(
            arn=arn,
            audiences=tuple(
                iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn).get("ClientIDList", ())
            ),
        )
        for arn in arns
    )


def has_spot(iam: Client) -> bool:
    return look(iam, SPOT) is not None


def _role(iam: Client, said: Mapping[str, Any], wanted: Sequence[tuple[str, str]]) -> Role:
    return Role(
        arn=str(said["Arn"]),
        trust=tuple(_statements(said.get("AssumeRolePolicyDocument") or {})),
        rights=seen(lambda: tuple(_rights(iam, str(said["Arn"]), wanted))),
    )


def _rights(iam: Client, arn: str, wanted: Sequence[tuple[str, str]]) -> Iterator[Right]:
    for action, resource in wanted:
        answer = iam.simulate_principal_policy(
            PolicySourceArn=arn, ActionNames=[action], ResourceArns=[resource]
        )
        decisions = [one.get("EvalDecision") for one in answer.get("EvaluationResults", [])]
        yield Right(action=action, resource=resource, allowed=decisions == ["allowed"])


def _statements(document: str | Mapping[str, Any]) -> Iterator[Statement]:
    found = json.loads(unquote(document)) if isinstance(document, str) else document
    for one in _listed(found.get("Statement")):
        principal = one.get("Principal") or {}
        if not isinstance(principal, dict):
            principal = {}
        yield Statement(
            allows=one.get("Effect") == "Allow",
            actions=_texts(one.get("Action")),
            federated=_texts(principal.get("Federated")),
            services=_texts(principal.get("Service")),
            conditions=tuple(
                Condition(operator=operator, key=key, values=_texts(values))
                for operator, lines in (one.get("Condition") or {}).items()
                for key, values in lines.items()
            ),
        )


def _listed(found: Any) -> list[Any]:
    """In a policy, one is written as well as a list of one."""
    return found if isinstance(found, list) else [] if found is None else [found]


def _texts(found: Any) -> tuple[str, ...]:
    return tuple(str(one) for one in _listed(found))
