"""Whom a role lets in, against what the tokens of this repository say. Pure.

A trust policy is compared to the letter by AWS, so it is here; to a mismatch AWS answers only "denied".
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runner.clouds.account.facts import Condition, Provider, Role, Statement, Unseen
from runner.setup.aws.wording import TEMPLATE, unchecked
from runner.setup.findings import Finding, note, ok, problem, warning

AUDIENCE = "sts.amazonaws.com"
HOST = "token.actions.githubusercontent.com"
_ACTION = "sts:AssumeRoleWithWebIdentity"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What tokens of the jobs that launch say; "" where it is not known.

    `subject` is the whole `sub`, `keys` what it is made of where somebody chose that.
    """

    repository: str
    subject: str = ""
    keys: tuple[str, ...] = ()
    repository_id: str = ""
    workflow: str = ""


def check(role: Role, providers: Sequence[Provider] | Unseen, said: Said) -> Iterator[Finding]:
    name = role.arn.rpartition("/")[2]
    ours = [one for one in role.trust if _is_about_jobs(one)]
    if not ours:
        what = f"the trust policy of {name} lets in no job of GitHub"
        fix = f"`Principal: {{Federated: …:oidc-provider/{HOST}}}`, `Action: {_ACTION}`; {TEMPLATE}"
        yield problem(what, "no workflow can assume it", fix)
        return
    for statement in ours:
        host = _host(statement)
        found = [
            *_audience(name, host, statement),
            *_subject(name, host, statement, said),
            *_number(name, host, statement, said),
            *_workflow(name, host, statement, said),
        ]
        yield from found or [ok(f"the trust policy of {name} is for {said.subject or said.repository} alone")]
        yield from _provider(host, statement, providers)


def _is_about_jobs(statement: Statement) -> bool:
    return statement.allows and bool(_host(statement)) and _ACTION in (*statement.actions, *_all(statement))


def _all(statement: Statement) -> list[str]:
    return [_ACTION for action in statement.actions if action in {"*", "sts:*"}]


def _host(statement: Statement) -> str:
    """The issuer as condition keys name it, "" where it is none of GitHub's."""
    hosts = [arn.partition(":oidc-provider/")[2] for arn in statement.federated]
    return next((one for one in hosts if one.startswith(HOST) or one.endswith("/_services/token")), "")


def _lines(statement: Statement, host: str, claim: str) -> list[Condition]:
    return [
        one
        for one in statement.conditions
        if one.key.lower() == f"{host}:{claim}".lower() and "Not" not in one.operator
    ]


def _admits(line: Condition, value: str) -> bool:
    operator = line.operator.rpartition(":")[2].removesuffix("IfExists")
    if operator == "StringLike":
        return any(fnmatch.fnmatchcase(value, one.replace("[", "[[]")) for one in line.values)
    if operator == "StringEqualsIgnoreCase":
        return value.lower() in {one.lower() for one in line.values}
    return value in line.values


def _audience(name: str, host: str, statement: Statement) -> Iterator[Finding]:
    lines = _lines(statement, host, "aud")
    if not lines:
        what = f"the trust policy of {name} does not ask whom a token is for"
        why = "a token that a job gave to somebody else would open this account, too"
        yield warning(what, why, f'add to `StringEquals`: "{host}:aud": "{AUDIENCE}"')
    elif not all(_admits(line, AUDIENCE) for line in lines):
        wants = ", ".join(value for line in lines for value in line.values)
        what = f"the trust policy of {name} wants aud {wants}, and tokens say {AUDIENCE}"
        yield problem(what, "AWS denies the role to every job", f'write "{host}:aud": "{AUDIENCE}"')


def _subject(name: str, host: str, statement: Statement, said: Said) -> Iterator[Finding]:
    lines = _lines(statement, host, "sub")
    if not lines:
        what = f"the trust policy of {name} does not ask which repository a job is of"
        why = "every repository on GitHub may be let in"
        yield problem(what, why, f'add to `StringEquals`: "{host}:sub": "{said.subject or _usual(said)}"')
        return
    values = [value for line in lines for value in line.values]
    if said.keys:
        what = f"not checked: `sub` of {name}: this repository's is made of {', '.join(said.keys)}"
        yield note(what, f"the policy wants {', '.join(values)}: a refusal of the role says what was sent")
    elif said.subject and not all(_admits(line, said.subject) for line in lines):
        what = f"the trust policy of {name} wants sub {', '.join(values)}, and tokens say {said.subject}"
        why = f"AWS denies the role to every job{_numbers(said.subject, values)}"
        yield problem(what, why, f'write "{host}:sub": "{said.subject}" ({TEMPLATE})')
    elif not said.subject:
        what = f"not checked: whether tokens of this repository say sub {', '.join(values)}"
        yield note(what, "set GITHUB_TOKEN: GitHub knows what they say")
    yield from _wildcards(name, host, lines, said)


def _wildcards(name: str, host: str, lines: Sequence[Condition], said: Said) -> Iterator[Finding]:
    wild = [
        value
        for line in lines
        for value in line.values
        if "StringLike" in line.operator and ("*" in value or "?" in value)
    ]
    if wild:
        what = f"the trust policy of {name} has a wildcard: sub {', '.join(wild)}"
        why = "other branches, pull requests or repositories fit it, too, and could launch machines"
        yield warning(what, why, f'`StringEquals` with "{host}:sub": "{said.subject or _usual(said)}"')


def _usual(said: Said) -> str:
    return f"repo:{said.repository or 'OWNER/NAME'}:ref:refs/heads/BRANCH"


def _numbers(subject: str, values: Sequence[str]) -> str:
    if "@" in subject and not any("@" in value for value in values):
        return "; this repository's tokens carry numbers, as those of newer ones do"
    return ""


def _number(name: str, host: str, statement: Statement, said: Said) -> Iterator[Finding]:
    lines = _lines(statement, host, "repository_id")
    if host.endswith("/_services/token"):
        return  # AWS knows this claim of github.com's tokens only
    if lines and said.repository_id and not all(_admits(line, said.repository_id) for line in lines):
        wants = ", ".join(value for line in lines for value in line.values)
        what = f"the trust policy of {name} wants repository_id {wants}; this one's is {said.repository_id}"
        yield problem(what, "AWS denies the role to every job", f"write {said.repository_id} ({TEMPLATE})")
    elif not lines and "@" not in "".join(v for one in _lines(statement, host, "sub") for v in one.values):
        what = f"the trust policy of {name} knows the repository by its name alone"
        why = "a name can be given up, and whoever takes it next would be let in"
        number = said.repository_id or "NUMBER"
        yield warning(what, why, f'add to `StringEquals`: "{host}:repository_id": "{number}"')


def _workflow(name: str, host: str, statement: Statement, said: Said) -> Iterator[Finding]:
    lines = _lines(statement, host, "job_workflow_ref")
    if lines and said.workflow and not all(_admits(line, said.workflow) for line in lines):
        wants = ", ".join(value for line in lines for value in line.values)
        what = f"the trust policy of {name} wants the workflow {wants}; the caller has {said.workflow}"
        why = "AWS denies the role to it, as it does after every new version until the policy names it"
        yield problem(what, why, f"add {said.workflow} to the policy ({TEMPLATE})")


def _provider(host: str, statement: Statement, providers: Sequence[Provider] | Unseen) -> Iterator[Finding]:
    if isinstance(providers, Unseen):
        yield unchecked("the account's OIDC provider", providers)
        return
    there = [one for one in providers if one.arn in statement.federated]
    if not there:
        what = f"the account has no OIDC provider {host}"
        fix = f"aws iam create-open-id-connect-provider --url https://{host} --client-id-list {AUDIENCE}"
        yield problem(what, "AWS does not know who signs the tokens of jobs", fix)
    elif AUDIENCE not in there[0].audiences:
        what = f"the OIDC provider {host} takes no tokens for {AUDIENCE}"
        fix = (
            "aws iam add-client-id-to-open-id-connect-provider "
            f"--open-id-connect-provider-arn {there[0].arn} --client-id {AUDIENCE}"
        )
        yield problem(what, "AWS denies the role to every job", fix)
    else:
        yield ok(f"the account takes tokens of {host}")
