"""Where GitHub is and who we are there, read once from the environment that Actions gives.

GITHUB_GRAPHQL_URL is not read: it follows from GITHUB_API_URL, and two variables that name two hosts would
send the token to both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from runner.errors import UsageError
from runner.forges.github.budget import Limits

PUBLIC = "https://api.github.com"
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}", re.ASCII)
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`repository` is OWNER/NAME; `api_url` has no slash at its end; timeouts are in seconds.

    The token shows in no repr.
    """

    repository: str
    token: str = field(repr=False)
    api_url: str = PUBLIC
    connect_timeout: float = 5.0
    read_timeout: float = 30.0
    limits: Limits = field(default_factory=Limits)

    @property
    def graphql_url(self) -> str:
        """GraphQL lives beside the REST API: /graphql, and /api/graphql on GitHub Enterprise Server."""
        return f"{self.api_url.removesuffix('/v3')}/graphql"


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Raises UsageError, which names the variable and says what sets it."""
    return Settings(
        repository=_repository(environ.get("GITHUB_REPOSITORY", "")),
        token=_token(environ),
        api_url=_url(environ.get("GITHUB_API_URL", "") or PUBLIC),
    )


def _repository(name: str) -> str:
    if not _REPOSITORY.fullmatch(name):
        raise UsageError(
            f"GITHUB_REPOSITORY is {name!r}, not OWNER/NAME" if name else "GITHUB_REPOSITORY is not set",
            hint="Actions sets it; elsewhere: export GITHUB_REPOSITORY=OWNER/NAME",
        )
    return name


def _token(environ: Mapping[str, str]) -> str:
    token = environ.get("GITHUB_TOKEN", "").strip()
    if not token:
        raise UsageError(
            "GITHUB_TOKEN is not set",
            hint='here: export GITHUB_TOKEN="$(gh auth token)"; '
            "in a workflow: env: GITHUB_TOKEN: ${{ github.token }}",
        )
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise UsageError(
            "GITHUB_TOKEN has characters that no token has", hint="paste it again, without quotes"
        )
    return token


def _url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
        raise UsageError("GITHUB_API_URL is no address of an API", hint=f"GitHub's own is {PUBLIC}")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise UsageError(
            f"GITHUB_API_URL would send the token unencrypted to {parts.hostname}", hint="use https://"
        )
    return url.rstrip("/")
