"""The token of a job: asked for with patience, shown to nobody, and read without being believed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runner.clouds.identity import sign_in
from runner.clouds.identity_token import BEARER as BEARER_NAME
from runner.clouds.identity_token import URL, TokenSource, claims, from_environment
from runner.errors import CloudBusyError, CloudRefusedError
from tests.clouds.actions import BEARER, CLAIMS, ROLE, Job, playing, token

LONG = b'{"value": "' + b"x" * 70_000 + b'"}'


@pytest.fixture
def job() -> Iterator[Job]:
    with playing(Job()) as played:
        yield played


def source(job: Job) -> TokenSource:
    return from_environment(job.environ, pause=lambda _: None)


def test_github_is_asked_again_while_it_has_trouble(job: Job) -> None:
    job.refusals = [500, 429, 503]
    assert claims(source(job).fetch()).subject == CLAIMS["sub"]
    assert len(job.asked) == 4
    job.refusals = [500] * 20
    with pytest.raises(CloudBusyError, match="it answers 500"):
        source(job).fetch()
    assert len(job.refusals) == 20 - 6


@pytest.mark.parametrize(("status", "hint"), [(401, "id-token: write"), (403, "id-token: write"), (404, URL)])
def test_what_github_refuses_is_not_asked_again(job: Job, status: int, hint: str) -> None:
    job.refusals = [status]
    with pytest.raises(CloudRefusedError, match=f"it answers {status}") as raised:
        source(job).fetch()
    assert hint in raised.value.hint
    assert len(job.asked) == 1


def test_the_bearer_token_follows_no_redirect(job: Job) -> None:
    with playing(Job()) as elsewhere:
        job.refusals, job.location = [302], f"{elsewhere.address}/token"
        with pytest.raises(CloudRefusedError, match="it answers 302"):
            source(job).fetch()
        assert elsewhere.asked == []


def test_nor_does_it_go_to_a_proxy_in_the_open(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    with playing(Job()) as proxy:
        monkeypatch.setenv("http_proxy", proxy.address)
        source(job).fetch()
        assert (proxy.asked, len(job.asked)) == ([], 1)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"value": 3}', b'{"value": "' + b"x" * 70_000 + b'"}', b"[" * 60_000]
)
def test_an_answer_that_is_no_token_is_none(job: Job, body: bytes) -> None:
    job.body = body
    with pytest.raises(CloudBusyError, match="without an identity token"):
        source(job).fetch()


def test_a_place_that_does_not_answer() -> None:
    lost = TokenSource(url="http://127.0.0.1:9/token", bearer=BEARER, pause=lambda _: None)
    with pytest.raises(CloudBusyError, match="does not answer"):
        lost.fetch()


def test_a_workflow_without_the_permission_is_told_which() -> None:
    with pytest.raises(CloudRefusedError, match=f"{URL} is not set") as raised:
        sign_in({"GITHUB_ACTIONS": "true"}, role=ROLE)
    assert "permissions: id-token: write" in raised.value.hint


@pytest.mark.parametrize(
    ("url", "bearer", "said"),
    [
        ("http://example.com/token", BEARER, "unencrypted"),
        ("file:///etc/passwd", BEARER, "unencrypted"),
        ("http://[", BEARER, "unencrypted"),
        ("https://example.com/token", "", BEARER_NAME),
        ("https://example.com/token", "a\nb", "no token has"),
    ],
)
def test_a_place_that_is_none(url: str, bearer: str, said: str) -> None:
    with pytest.raises(CloudRefusedError, match=said) as raised:
        sign_in({URL: url, BEARER_NAME: bearer}, role=ROLE)
    assert BEARER not in raised.value.message + raised.value.hint


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, ROLE),  # a laptop, a machine of ours
        ({"GITHUB_ACTIONS": "true"}, ""),
        ({URL: "https://example.com", BEARER_NAME: "x"}, ""),
        ({"GITHUB_ACTIONS": "true", "AWS_ACCESS_KEY_ID": "x"}, ROLE),  # somebody has signed in otherwise
    ],
)
def test_elsewhere_the_sdk_looks_for_itself(environ: dict[str, str], named: str) -> None:
    assert sign_in(environ, role=named) == ""


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "a.W10.c", f"a.{'W' * 20_000}.c", "é.é.é"])
def test_what_is_no_token_claims_nothing(text: str) -> None:
    assert str(claims(text)) == "nothing readable"


def test_claims_are_read_without_padding() -> None:
    assert claims(token(1)).workflow == CLAIMS["job_workflow_ref"]
