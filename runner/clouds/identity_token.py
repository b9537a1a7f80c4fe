"""The token by which GitHub vouches for a job: asked for anew whenever it is needed, kept nowhere.

Actions gives a job with `id-token: write` an address and a bearer token to ask there. Neither shows in a
repr or in a message; what the token that comes back claims is no secret, and is what a refusal is about.
"""

from __future__ import annotations

import base64
import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from runner.errors import CloudBusyError, CloudRefusedError
from runner.problems import shorten

AUDIENCE = "sts.amazonaws.com"
URL = "ACTIONS_ID_TOKEN_REQUEST_URL"
BEARER = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_LARGEST = 64 << 10
_SECONDS = 10.0
_PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each further try: GitHub's own client is as patient."""
_PERMISSION = (
    "give the job `permissions: id-token: write`, and the job that calls it too: "
    "runner init writes runner-cloud.yaml so"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token says of itself, unproven; "" for what it does not say."""

    issuer: str = ""
    subject: str = ""
    audience: str = ""
    repository_id: str = ""
    workflow: str = ""

    def __str__(self) -> str:
        said = {
            "sub": self.subject,
            "aud": self.audience,
            "repository_id": self.repository_id,
            "job_workflow_ref": self.workflow,
        }
        return ", ".join(f"{name} {value}" for name, value in said.items() if value) or "nothing readable"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSource:
    """Where a job asks for its tokens."""

    url: str = field(repr=False)
    bearer: str = field(repr=False)
    pause: Callable[[float], None] = field(default=time.sleep, repr=False)

    def fetch(self) -> str:
        """A fresh token, good for some minutes. Raises CloudBusyError after some tries, CloudRefusedError."""
        for seconds in _PAUSES:
            try:
                return self._ask()
            except CloudBusyError:
                self.pause(seconds)
        return self._ask()

    def _ask(self) -> str:
        try:
            with _opener(self.url).open(self._request(), timeout=_SECONDS) as answer:
                return _value(answer.read(_LARGEST + 1))
        except urllib.error.HTTPError as error:
            with error:  # what it says is not passed on: it may quote what was sent
                raise _refused(error.code) from None
        except (OSError, http.client.HTTPException) as error:
            kind = type(getattr(error, "reason", error)).__name__
            raise CloudBusyError(
                f"GitHub does not answer when it is asked for an identity token ({kind})",
                hint="run the job again; githubstatus.com says whether Actions have trouble",
            ) from None

    def _request(self) -> urllib.request.Request:
        joint = "&" if urlsplit(self.url).query else "?"
        headers = {"Authorization": f"bearer {self.bearer}", "Accept": "application/json"}
        address = f"{self.url}{joint}audience={AUDIENCE}"
        return urllib.request.Request(address, headers=headers)  # noqa: S310  the scheme was looked at


def from_environment(environ: Mapping[str, str], pause: Callable[[float], None] = time.sleep) -> TokenSource:
    """Raises CloudRefusedError where Actions gave none, or one that would be sent in the open."""
    url, bearer = environ.get(URL, "").strip(), environ.get(BEARER, "").strip()
    if not url or not bearer:
        missing = BEARER if url else URL
        raise CloudRefusedError(
            f"this job may not prove to AWS who it is: {missing} is not set", hint=_PERMISSION
        )
    if not _is_guarded(url):
        raise CloudRefusedError(
            f"{URL} would send the job's identity unencrypted", hint="Actions sets it: change it nowhere"
        )
    if not (bearer.isascii() and bearer.isprintable() and " " not in bearer):
        raise CloudRefusedError(
            f"{BEARER} has characters that no token has", hint="Actions sets it: change it nowhere"
        )
    return TokenSource(url=url, bearer=bearer, pause=pause)


def _is_guarded(url: str) -> bool:
    """Whether nobody on the way can read what is sent there."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def claims(token: str) -> Claims:
    """Read without a look at the signature: AWS looks at that."""
    try:
        middle = token.split(".")[1]
        said = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (IndexError, ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        return Claims()
    return Claims(
        issuer=_text(said, "iss"),
        subject=_text(said, "sub"),
        audience=_text(said, "aud"),
        repository_id=_text(said, "repository_id"),
        workflow=_text(said, "job_workflow_ref"),
    )


def _text(said: Mapping[str, Any], name: str) -> str:
    found = said.get(name, "")
    return shorten(str(found), 300) if isinstance(found, str | int) else ""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The bearer token would follow to wherever the answer leads."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _opener(url: str) -> urllib.request.OpenerDirector:
    own = urlsplit(url).hostname in _LOOPBACK
    proxies = [urllib.request.ProxyHandler({})] if own else []
    return urllib.request.build_opener(_NoRedirects, *proxies)


def _value(body: bytes) -> str:
    try:
        said = json.loads(body) if len(body) <= _LARGEST else None
    except (ValueError, RecursionError):
        said = None
    value = said.get("value") if isinstance(said, dict) else None
    if not isinstance(value, str) or not value:
        raise CloudBusyError("GitHub answers without an identity token", hint="run the job again")
    return value


def _refused(status: int) -> CloudBusyError | CloudRefusedError:
    if status == 429 or status >= 500:
        return CloudBusyError(
            f"GitHub gives no identity token now: it answers {status}", hint="run the job again"
        )
    said = f"GitHub refuses this job an identity token: it answers {status}"
    if status in {401, 403}:
        return CloudRefusedError(said, hint=f"{_PERMISSION}; a job that is over gets none any more")
    return CloudRefusedError(said, hint=f"Actions sets {URL}: change it nowhere")
