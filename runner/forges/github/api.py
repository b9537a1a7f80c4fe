"""Calls to one repository: paths, pages and JSON, over github3's session.

Its objects are not used: before the call that is wanted each costs another one (the repository, the commit,
the issue), `Repository.statuses` asks for a path that GitHub does not have, they raise where a server leaves
out a field that nobody reads, and its iterator takes a page that is `null` for the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from runner.errors import ForgeBusyError, ForgeError, ForgeNotFoundError, ForgeRefusedError
from runner.forges.github.session import Session

_CHUNK = 64 * 1024


class Api:
    """`doing` goes on after "cannot" in errors. What comes from outside goes into paths through `segment`."""

    def __init__(self, session: Session, repository: str) -> None:
        self._session = session
        self._root = f"{session.base_url}/repos/{repository}"
        self._graphql_url = session.graphql_url
        self.repository = repository

    def get(self, doing: str, path: str) -> dict[str, Any]:
        with self._session.doing(doing):
            return _object(self._session.get(self._root + path), doing)

    def pages(self, doing: str, path: str, *, key: str = "", **params: str) -> list[dict[str, Any]]:
        """Every item of every page, in the server's order. `key`: where the list is inside an object.

        A page that is no list is an error and never an empty one: who sees no comment posts a second.
        """
        found: list[dict[str, Any]] = []
        url, wanted = self._root + path, {"per_page": "100", **params}
        with self._session.doing(doing):
            while url:
                response = self._session.get(url, params=wanted)
                page = _json(response, doing)
                items = page.get(key) if key and isinstance(page, dict) else page
                if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
                    raise _nonsense(doing)
                found += items
                # The address of the next page has the parameters already.
                url, wanted = response.links.get("next", {}).get("url", ""), {}
        return found

    def post(
        self, doing: str, path: str, body: Mapping[str, Any], *, repeatable: bool = False
    ) -> dict[str, Any]:
        with self._session.doing(doing):
            response = self._session.post(self._root + path, json=dict(body), repeatable=repeatable)
            try:
                return _object(response, doing)
            except ForgeError as error:
                # It says that it worked, in words that nobody understands: as good as no reply.
                if repeatable:
                    raise
                raise self._session.unsure("the reply is garbled") from error

    def patch(self, doing: str, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        with self._session.doing(doing):
            return _object(self._session.patch(self._root + path, json=dict(body)), doing)

    def graphql(self, doing: str, query: str, *, write: bool, **variables: str) -> dict[str, Any]:
        """Queries, and mutations that do no harm twice."""
        body = {"query": query, "variables": variables}
        with self._session.doing(doing):
            response = self._session.post(self._graphql_url, json=body, write=write, repeatable=True)
            answer = _object(response, doing)
        errors = answer.get("errors") or []
        if errors:
            raise self._graphql_error(doing, errors[0])
        return answer.get("data") or {}

    def _graphql_error(self, doing: str, error: Mapping[str, Any]) -> ForgeError:
        said = self._session.said(error.get("message"))
        match error.get("type"):
            case "RATE_LIMITED":
                until = self._session.pace.clock.now() + 3600.0
                return ForgeBusyError(f"cannot {doing}: {said}", until=until)
            case "FORBIDDEN":
                return ForgeRefusedError(f"cannot {doing}: {said}", hint="check the token's permissions")
            case "NOT_FOUND":
                return ForgeNotFoundError(f"cannot {doing}: {said}")
        return ForgeError(f"cannot {doing}: {said}")

    def download(self, doing: str, path: str, limit: int) -> bytes:
        """At most `limit` bytes, wherever GitHub keeps them; the token does not go there."""
        return b"".join(self._chunks(doing, path, limit))

    def download_to(self, doing: str, path: str, target: Path, limit: int) -> None:
        """The same into a new file."""
        try:
            with target.open("xb") as file:
                for chunk in self._chunks(doing, path, limit):
                    file.write(chunk)
        except OSError as error:
            raise ForgeError(f"cannot {doing}: {target}: {error.strerror or error}") from error

    def _chunks(self, doing: str, path: str, limit: int) -> Iterator[bytes]:
        with (
            self._session.doing(doing),
            self._session.get(self._root + path, stream=True, allow_redirects=True) as response,
        ):
            received = 0
            try:
                for chunk in response.iter_content(_CHUNK):
                    received += len(chunk)
                    if received > limit:
                        raise ForgeRefusedError(f"cannot {doing}: it has more than {limit} bytes")
                    yield chunk
            except requests.RequestException as error:
                raise ForgeError(f"cannot {doing}: the download broke off", hint="run it again") from error

    def close(self) -> None:
        self._session.close()


def segment(text: object) -> str:
    """One segment of a path, whatever the text holds."""
    return quote(str(text), safe="")


def _object(response: requests.Response, doing: str) -> dict[str, Any]:
    """The reply's object; an empty one where the reply has no body."""
    found = _json(response, doing) if response.content else {}
    if not isinstance(found, dict):
        raise _nonsense(doing)
    return found


def _json(response: requests.Response, doing: str) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError) as error:
        raise _nonsense(doing) from error


def _nonsense(doing: str) -> ForgeError:
    return ForgeError(
        f"cannot {doing}: the reply is not what GitHub sends",
        hint="check GITHUB_API_URL, and whether a proxy stands between",
    )
