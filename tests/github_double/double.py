"""The double itself: takes a request, gives a reply, remembers both. No socket here; see `server.py`."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from runner.ports import Clock
from tests.github_double import administering, description, graphql, looking, talking
from tests.github_double.asking import Asked, permitted
from tests.github_double.faults import Fault
from tests.github_double.limits import Limits
from tests.github_double.replies import DOCUMENTATION, Items, Refusal, Reply
from tests.github_double.world import BOT, Token, World

OPERATIONS = talking.OPERATIONS | looking.OPERATIONS | administering.OPERATIONS
GRAPHQL, BLOBS, RATES = "graphql", "blobs", "rate-limit/get"


@dataclass(frozen=True)
class Call:
    """One request as it came, and what was answered (0: nothing)."""

    operation: str
    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    at: float
    status: int = 0


@dataclass
class Double:
    """`calls` and `violations` are for assertions; `world`, `limits` and `faults` are for arranging."""

    clock: Clock
    world: World = field(default_factory=World)
    limits: Limits = field(default_factory=Limits)
    faults: list[Fault] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    api: str = ""
    """Its address, without a slash at the end; for Enterprise it ends in /api/v3."""
    closing: threading.Event = field(default_factory=threading.Event)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def token(self, name: str, login: str = BOT, **permissions: str) -> Token:
        """A new token; without permissions it has those of a workflow that asks for all that we need."""
        made = Token(self.world.account(login), is_workflow=login == BOT)
        if permissions:
            made.permissions = {"metadata": "read", **permissions}
        self.world.tokens[name] = made
        return made

    def fail(self, **fault: Any) -> Fault:
        """Arrange a failure (see Fault)."""
        self.faults.append(Fault(**fault))
        return self.faults[-1]

    def named(self, *operations: str) -> list[Call]:
        """The calls of these operations."""
        return [call for call in self.calls if call.operation in operations]

    def serve(self, method: str, target: str, headers: Mapping[str, str], raw: bytes) -> Reply | None:
        """The reply to a request; None: the connection is to be cut."""
        with self._lock:
            parts = urlsplit(target)
            path, query = (
                self._without_prefix(parts.path),
                dict(parse_qsl(parts.query, keep_blank_values=True)),
            )
            found = description.find(method, path)
            operation = found[0].id if found else GRAPHQL if parts.path == self._graphql else path
            body = self._json(raw, operation)
            fault = next((f for f in self.faults if f.strikes(operation)), None)
            reply = None
            if fault is None or fault.carried_out:
                reply = self._proper(method, parts.path, operation, found, query, body, headers)
            if fault is not None:
                reply = self._failed(fault)
            self.calls.append(
                Call(operation, method, path, query, body, self.clock.now(), reply.status if reply else 0)
            )
        if fault is not None and fault.hang:
            self.closing.wait(30)
        return reply

    def _failed(self, fault: Fault) -> Reply | None:
        if not fault.status:
            return None
        body = {"message": fault.message, "documentation_url": DOCUMENTATION}
        return Reply(fault.status, body if fault.body is None else fault.body, fault.headers)

    def _json(self, raw: bytes, operation: str) -> Any:
        try:
            return json.loads(raw) if raw else None
        except ValueError:
            self.violations.append(f"{operation}: the body is no JSON")
            return None

    @property
    def _prefix(self) -> str:
        return urlsplit(self.api).path

    @property
    def _graphql(self) -> str:
        return f"{self._prefix.removesuffix('/v3')}/graphql"

    def _without_prefix(self, path: str) -> str:
        return path.removeprefix(self._prefix)

    def _proper(
        self,
        method: str,
        path: str,
        operation: str,
        found: Any,
        query: Any,
        body: Any,
        headers: Mapping[str, str],
    ) -> Reply:
        if path.startswith("/blobs/"):
            return self._blob(path, headers)
        if method == "GET" and body is not None:
            self.violations.append(f"{operation}: a GET with a body")
        now = self.clock.now()
        name = headers.get("Authorization", "").removeprefix("Bearer ").removeprefix("token ")
        try:
            token = self.world.tokens.get(name)
            if token is None:
                raise Refusal(401, "Bad credentials")
            if operation == RATES:  # costs nothing
                return self._checked(found, self._rates(name, now))
            is_write = graphql.is_mutation(body) if operation == GRAPHQL else method != "GET"
            self.limits.admit(name, now, write=is_write)
            if operation == GRAPHQL:
                reply = self._graphql_reply(token, body)
            else:
                reply = self._operate(token, found, query, body)
        except Refusal as refusal:
            reply = refusal.reply
        known = self.limits.headers(name, now)
        return self._checked(found, Reply(reply.status, reply.body, {**known, **reply.headers}))

    def _checked(self, found: Any, reply: Reply) -> Reply:
        if found is not None:
            wrong = description.wrong_reply(found[0], reply.status, reply.body)
            self.violations += [f"{found[0].id} answers {reply.status}: {w}" for w in wrong]
        return reply

    def _operate(self, token: Token, found: Any, query: Mapping[str, str], body: Any) -> Reply:
        if found is None:
            self.violations.append("GitHub has no such operation")
            raise Refusal(404, "Not Found")
        described, path = found
        wrong = description.wrong_request(described, path, query, body)
        self.violations += [f"{described.id}: {w}" for w in wrong]
        if wrong:
            raise Refusal(422, "Invalid request.")
        operation = OPERATIONS[described.id]
        here = (path.get("owner", self.world.owner), path.get("repo", self.world.name))
        if here != (self.world.owner, self.world.name):
            raise Refusal(404, "Not Found")
        if not permitted(token, operation.needs):
            raise Refusal(
                403, "Resource not accessible by integration", x_accepted_github_permissions=operation.needs
            )
        asked = Asked(self.world, token, path, query, body, self.clock.now(), self.api)
        answer = operation.answer(asked)
        return self._page(answer, described, path, query) if isinstance(answer, Items) else answer

    def _page(
        self, answer: Items, described: Any, path: Mapping[str, str], query: Mapping[str, str]
    ) -> Reply:
        size = min(100, max(1, int(query.get("per_page", "30"))))
        page = max(1, int(query.get("page", "1")))
        last = max(1, -(-len(answer.items) // size))
        items = answer.items[(page - 1) * size : page * size]
        body: Any = {"total_count": len(answer.items), answer.key: items} if answer.key else items
        here = self.api + described.described["path"].format_map(path)
        others = {"prev": page - 1, "next": page + 1, "first": 1, "last": last}
        links = [
            f'<{here}?{urlencode({**query, "page": number})}>; rel="{rel}"'
            for rel, number in others.items()
            if (page > 1 and rel in {"prev", "first"}) or (page < last and rel in {"next", "last"})
        ]
        return Reply(200, body, {"Link": ", ".join(links)} if links else {})

    def _graphql_reply(self, token: Token, body: Any) -> Reply:
        wrong = graphql.mistakes(body)
        self.violations += [f"graphql: {w}" for w in wrong]
        if wrong:
            return Reply(200, {"errors": [{"message": w} for w in wrong]})
        return Reply(200, graphql.answer(self.world, token, body), {"x-ratelimit-resource": "graphql"})

    def _blob(self, path: str, headers: Mapping[str, str]) -> Reply:
        if headers.get("Authorization"):
            self.violations.append("the token was sent to the host that keeps artifacts")
        return Reply(200, self.world.artifacts[int(path.rpartition("/")[2])].content)

    def _rates(self, name: str, now: float) -> Reply:
        known = self.limits.headers(name, now)
        rate = {key: int(known[f"x-ratelimit-{key}"]) for key in ("limit", "remaining", "reset", "used")}
        body = {"resources": {"core": rate, "search": rate, "graphql": rate}, "rate": rate}
        return Reply(200, body, known)
