"""One way to GitHub: github3's session with a budget, patience with limits, and errors in words.

Every try of every request passes here, one at a time. `urllib3.Retry` says what may be tried again and how
long to back off; it is not mounted in the transport, since a try that the budget does not see would break it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import requests
from github3.session import GitHubSession
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError
from urllib3.util.retry import Retry

from runner import __version__
from runner.errors import ForgeBusyError, ForgeError, ForgeUnreachedError, ForgeUnsureError
from runner.events import format_time
from runner.forges.github import refusals
from runner.forges.github.pace import Pace
from runner.forges.github.settings import Settings
from runner.masking import Masker

SAFE = ("GET", "HEAD")
REPEATABLE = "PUT"
"""The method as which `urllib3.Retry` sees a POST that may be repeated."""
AGAIN = Retry(
    total=6,  # about a minute
    backoff_factor=1.0,
    status_forcelist=(500, 502, 503, 504),
    allowed_methods=("GET", "PUT", "PATCH", "DELETE"),
    raise_on_status=False,
)
_LONGEST_SAID = 300
_PATIENT_TIMES = 10
"""How often one request is told "later" before we say so."""
_SETTLING = 3.0
"""Seconds in which a write whose reply was lost may still be going on; nobody looks for it earlier."""


class Session(GitHubSession):  # type: ignore[misc]  # github3 carries no types
    """`request` returns only replies that succeeded; all else is raised as a ForgeError."""

    def __init__(
        self, settings: Settings, pace: Pace, notice: Callable[[str], object] = lambda _: None
    ) -> None:
        super().__init__(settings.connect_timeout, settings.read_timeout)
        self.base_url = settings.api_url
        self.auth = _Bearer(settings.token)
        self.headers.update(
            {
                "Accept": "application/vnd.github+json",
                "User-Agent": f"queue-runner/{__version__}",
                # What is read is what this version of the API says; a newer one is a change to be tested.
                "X-GitHub-Api-Version": "2022-11-28",
            }
        )
        self.pace = pace
        self.graphql_url = settings.graphql_url
        self._mask = Masker([settings.token]).text
        self._serial = threading.RLock()
        self._doing = "ask GitHub"
        self._notice = notice

    @contextlib.contextmanager
    def doing(self, words: str) -> Iterator[None]:
        """What requests inside are for: goes on after "cannot" in errors."""
        with self._serial:
            before, self._doing = self._doing, words
            try:
                yield
            finally:
                self._doing = before

    def request(  # type: ignore[no-untyped-def]  # keeps the signature of what it overrides
        self, method: str, url: str, *, write: bool | None = None, repeatable: bool = False, **kwargs
    ) -> requests.Response:
        """`write`: content is made (default: by the method). `repeatable`: a POST that does no harm twice."""
        if url != self.graphql_url and not url.startswith(f"{self.base_url}/"):
            # The next page's address comes from outside, and the token would go with the request.
            raise ForgeError(f"cannot {self._doing}: GitHub's reply leads away from {self.base_url}")
        is_write = method not in SAFE if write is None else write
        with self._serial:
            return self._until_answered(method, url, is_write, REPEATABLE if repeatable else method, kwargs)

    def _until_answered(
        self, method: str, url: str, write: bool, seen_as: str, kwargs: dict[str, Any]
    ) -> requests.Response:
        retry, told_later = AGAIN, 0
        while True:
            self.pace.enter(write=write)
            try:
                response: requests.Response = super().request(method, url, **kwargs)
            except requests.RequestException as error:
                retry = self._after_no_reply(retry, seen_as, error)
                continue
            self.pace.observe(response.headers)
            if response.ok:
                return response
            reply = self._reply(response)
            pause = refusals.pause(reply, self.pace.clock.now(), told_later)
            if pause is not None:
                told_later += 1
                self._wait_or_say(pause, told_later)
            else:
                retry = self._after_refusal(retry, seen_as, response, reply)

    def _wait_or_say(self, pause: float, told_later: int) -> None:
        self.pace.hold(pause)
        if pause > self.pace.patience or told_later > _PATIENT_TIMES:
            until = self.pace.clock.now() + pause
            raise ForgeBusyError(
                f"cannot {self._doing}: GitHub takes no more requests before {format_time(until)}",
                until=until,
                hint="nothing is lost: what was not published then is published by the next reconcile",
            )

    def _after_refusal(
        self, retry: Retry, seen_as: str, response: requests.Response, reply: refusals.Reply
    ) -> Retry:
        """What is left of the tries; raises where there is none or it would not help."""
        if reply.status < 500:
            raise refusals.error(reply, self._doing)
        if seen_as not in (AGAIN.allowed_methods or ()):
            # A gateway that gives up says nothing of what happened behind it.
            raise self.unsure(f"GitHub answered {reply.status}")
        try:
            left = retry.increment(seen_as, response.url, response=response.raw)
        except MaxRetryError:
            raise refusals.error(reply, self._doing) from None
        if left.get_backoff_time() > self.pace.patience:
            raise refusals.error(reply, self._doing)
        self.pace.hold(left.get_backoff_time())
        return left

    def _after_no_reply(self, retry: Retry, seen_as: str, error: requests.RequestException) -> Retry:
        cause = _cause(error)
        said = self.said(str(cause).rpartition(": ")[2])  # without the names of what reports it
        try:
            left = retry.increment(seen_as, self.base_url, error=cause)
        except MaxRetryError:
            raise self._unreached(said) from error
        except HTTPError as lost:
            raise self.unsure("the reply was lost") from lost
        if left.get_backoff_time() > self.pace.patience:  # said as what it is, not as a limit of GitHub's
            raise self._unreached(said) from error
        self._notice(f"cannot {self._doing} yet: {self.base_url} is not reached; it is tried again")
        self.pace.hold(left.get_backoff_time())
        return left

    def _unreached(self, said: str) -> ForgeUnreachedError:
        return ForgeUnreachedError(
            f"cannot {self._doing}: {self.base_url} is not reached ({said})",
            hint="check the network and GITHUB_API_URL",
        )

    def unsure(self, why: str) -> ForgeUnsureError:
        """To be raised for a write of which nobody knows whether it was carried out."""
        self.pace.hold(_SETTLING)
        return ForgeUnsureError(
            f"cannot say whether it worked to {self._doing}: {why}", hint="look, then run it again"
        )

    def _reply(self, response: requests.Response) -> refusals.Reply:
        try:
            body = response.json()
        except (ValueError, RecursionError):
            body = {}
        body = body if isinstance(body, dict) else {}
        errors = body.get("errors")
        return refusals.Reply(
            status=response.status_code,
            headers={name.lower(): value for name, value in response.headers.items()},
            message=self.said(body.get("message")),
            details=tuple(self.said(_detail(e)) for e in errors) if isinstance(errors, list) else (),
        )

    def said(self, text: object) -> str:
        """What somebody else wrote, fit for our messages: one line, not long, without the token."""
        line = " ".join(text.split()) if isinstance(text, str) else ""
        return self._mask(line)[:_LONGEST_SAID]


def _detail(error: object) -> object:
    if isinstance(error, dict):
        return error.get("message") or " ".join(str(error[k]) for k in ("field", "code") if k in error)
    return error


def _cause(error: requests.RequestException) -> Exception:
    """urllib3's own error, which knows whether the request was sent."""
    cause = error.args[0] if error.args else None
    cause = getattr(cause, "reason", None) or cause
    return cause if isinstance(cause, HTTPError) else ProtocolError(str(error))


class _Bearer(AuthBase):
    """The token, in the header of requests and in no repr."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __repr__(self) -> str:
        return "Bearer ***"

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request
