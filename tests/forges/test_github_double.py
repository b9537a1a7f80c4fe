"""The double is as strict as it says: a test that cannot fail shows nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.forge_worlds import BASE, FORK, FORKED, HEAD, MERGE, PULLS, TOKEN, furnish, pull_in_double
from tests.github_double import Artifact, Double, Limits, description, serving
from tests.github_double.make_slice import OPERATIONS, SLICE, schema
from tests.virtual_time import VirtualTime
from tests.waiting import PATIENCE

REPO = "/repos/octo/lab"


class Client:
    """Asks as directly as can be."""

    def __init__(self, double: Double, clock: VirtualTime) -> None:
        self.double, self.clock = double, clock
        self.session = requests.Session()
        self.token = TOKEN

    def ask(self, method: str, path: str, body: Any = None, **query: object) -> requests.Response:
        self.clock.sleep(1)
        return self.session.request(
            method,
            self.double.api + path,
            json=body,
            params={name: str(value) for name, value in query.items()},
            headers={"Authorization": f"Bearer {self.token}"},
            allow_redirects=False,
            timeout=PATIENCE,
        )

    def get(self, path: str, **query: object) -> Any:
        response = self.ask("GET", path, **query)
        assert response.status_code == 200, response.text
        return response.json()

    def status(self, **fields: Any) -> requests.Response:
        return self.ask("POST", f"{REPO}/statuses/{HEAD}", {"state": "success", **fields})

    def comment(self, body: str) -> requests.Response:
        return self.ask("POST", f"{REPO}/issues/7/comments", {"body": body})


@pytest.fixture
def client() -> Iterator[Client]:
    clock = VirtualTime()
    with serving(furnish(Double(clock))) as double:
        made = Client(double, clock)
        yield made
        made.session.close()


class TestSlice:
    def test_is_small_and_says_where_it_is_from(self) -> None:
        assert SLICE.stat().st_size < 250 * 1024
        found = json.loads(SLICE.read_text())
        assert found["source"].startswith("npm @octokit/openapi ")
        assert found["licence"].startswith("MIT")
        assert "MIT License" in SLICE.with_name("api.github.com.LICENSE").read_text()

    def test_has_every_operation_that_the_double_serves(self) -> None:
        assert set(description.SLICE["operations"]) == set(OPERATIONS)

    def test_names_nothing_that_it_does_not_have(self) -> None:
        text = SLICE.read_text()
        named = {part.split('"')[0] for part in text.split('"#/$defs/')[1:]}
        assert named <= set(description.DEFS)

    @pytest.mark.parametrize(
        ("openapi", "json_schema"),
        [
            ({"type": "string", "nullable": True, "description": "x"}, {"type": ["string", "null"]}),
            (
                {"type": "string", "enum": ["a"], "nullable": True},
                {"type": ["string", "null"], "enum": ["a", None]},
            ),
            (
                {"nullable": True, "allOf": [{"$ref": "#/components/schemas/x"}]},
                {"anyOf": [{"allOf": [{"$ref": "#/$defs/x"}]}, {"type": "null"}]},
            ),
            (
                {"type": "object", "properties": {"description": {"type": "string", "example": "x"}}},
                {
                    "type": "object",
                    "properties": {"description": {"type": "string"}},
                    "additionalProperties": False,
                },
            ),
        ],
    )
    def test_is_openapi_as_json_schema(self, openapi: Any, json_schema: Any) -> None:
        assert schema(openapi) == json_schema


class TestStrictness:
    @pytest.mark.parametrize(
        ("method", "path", "body", "query", "says"),
        [
            ("POST", f"{REPO}/statuses/{HEAD}", {"state": "green"}, {}, "repos/create-commit-status: state:"),
            ("POST", f"{REPO}/statuses/{HEAD}", {}, {}, "repos/create-commit-status: body:"),
            ("POST", f"{REPO}/statuses/{HEAD}", None, {}, "repos/create-commit-status: body:"),
            ("POST", f"{REPO}/statuses/{HEAD}", {"state": "success", "url": "x"}, {}, "'url' was unexpected"),
            ("POST", f"{REPO}/issues/7/comments", {"body": 7}, {}, "issues/create-comment: body:"),
            ("GET", f"{REPO}/issues/seven/comments", None, {}, "issues/list-comments: issue_number:"),
            ("GET", f"{REPO}/pulls", None, {"author": "ann"}, "pulls/list: no query parameter 'author'"),
            ("GET", f"{REPO}/pulls", None, {"state": "merged"}, "pulls/list: state:"),
            ("GET", f"{REPO}/pulls", {"a": 1}, {}, "pulls/list: a GET with a body"),
            ("GET", f"{REPO}/statuses/{HEAD}", None, {}, "GitHub has no such operation"),
            ("POST", "/graphql", {"query": "{ viewer { name } }"}, {}, "graphql: Cannot query field 'name'"),
            ("POST", "/graphql", {"query": "{"}, {}, "graphql: Syntax Error"),
            ("POST", "/graphql", {"q": ""}, {}, "graphql: a GraphQL request is"),
        ],
    )
    def test_a_wrong_request_is_a_violation(
        self, client: Client, method: str, path: str, body: Any, query: dict[str, str], says: str
    ) -> None:
        client.ask(method, path, body, **query)
        assert any(says in violation for violation in client.double.violations), client.double.violations

    @pytest.mark.parametrize(
        ("path", "says"), [(REPO, "repos/get answers 200: id"), (f"{REPO}/pulls/7", "pulls/get")]
    )
    def test_a_wrong_reply_is_a_violation(self, client: Client, path: str, says: str) -> None:
        client.double.world.repository_id = "4711"  # type: ignore[assignment]
        client.ask("GET", path)
        assert client.double.violations[0].startswith(says)

    def test_the_token_at_the_wrong_host_is_a_violation(self, client: Client) -> None:
        client.double.world.artifacts[1] = Artifact(1, "x", b"zip", 31, 0.0)
        where = client.ask("GET", f"{REPO}/actions/artifacts/1/zip").headers["Location"]
        assert where.startswith("http://localhost:")
        client.ask("GET", "/blobs/1")
        assert client.double.violations == ["the token was sent to the host that keeps artifacts"]


class TestUnwrittenLimits:
    def test_description_of_140_characters(self, client: Client) -> None:
        assert client.status(description="é" * 140).status_code == 201
        refused = client.status(description="é" * 141)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["message"] == "description is too long (maximum is 140 characters)"

    def test_context_and_target(self, client: Client) -> None:
        assert client.status(context="c" * 256).status_code == 422
        assert client.status(target_url="javascript:alert(1)").status_code == 422

    def test_a_thousand_statuses_of_a_context(self, client: Client) -> None:
        client.status(context="a")
        client.double.world.statuses[HEAD] *= 1000
        assert client.status(context="a").status_code == 422
        assert client.status(context="b").status_code == 201

    def test_comment_of_65536_characters(self, client: Client) -> None:
        assert client.comment("x" * 65_536).status_code == 201
        assert client.comment("x" * 65_537).status_code == 422
        assert client.comment(" ").status_code == 422

    @pytest.mark.parametrize(("query", "sizes"), [({}, [30, 30, 30, 30, 10]), ({"per_page": 500}, [100, 30])])
    def test_pages(self, client: Client, query: dict[str, object], sizes: list[int]) -> None:
        client.double.limits = Limits(requests_per_hour=0, writes_per_minute=0, writes_per_hour=0)
        for number in range(130):
            client.comment(f"{number}")
        response = client.ask("GET", f"{REPO}/issues/7/comments", **query)
        seen = [response.json()]
        assert "prev" not in response.links
        while "next" in response.links:
            response = client.ask("GET", response.links["next"]["url"].removeprefix(client.double.api))
            seen.append(response.json())
        assert [len(page) for page in seen] == sizes
        assert [c["body"] for page in seen for c in page] == [str(n) for n in range(130)]

    def test_a_page_beyond_the_last(self, client: Client) -> None:
        assert client.get(f"{REPO}/issues/7/comments", page=9) == []


class TestRates:
    def test_content_made_too_fast(self, client: Client) -> None:
        client.comment("a")
        client.double.limits.apart = 1.5
        refused = client.comment("b")
        assert (refused.status_code, refused.headers["Retry-After"]) == (403, "60")
        assert "abuse detection" in refused.json()["message"]

    def test_eighty_writes_a_minute(self, client: Client) -> None:
        client.double.limits = Limits(writes_per_minute=3, retry_after=None)
        assert [client.comment("x").status_code for _ in range(4)] == [201, 201, 201, 403]
        assert "Retry-After" not in client.comment("x").headers
        client.clock.sleep(60)
        assert client.comment("x").status_code == 201
        assert client.double.limits.refused == ["writes_per_minute"] * 2

    def test_a_thousand_requests_an_hour_are_counted_in_headers(self, client: Client) -> None:
        client.double.limits = Limits(requests_per_hour=2)
        first, second, third = (client.ask("GET", REPO) for _ in range(3))
        assert [r.headers["x-ratelimit-remaining"] for r in (first, second, third)] == ["1", "0", "0"]
        assert (second.status_code, third.status_code) == (200, 403)
        assert client.get("/rate_limit")["rate"]["remaining"] == 0
        client.clock.sleep(int(third.headers["x-ratelimit-reset"]) - client.clock.now())
        assert client.ask("GET", REPO).status_code == 200

    def test_graphql_counts_as_writing_only_when_it_writes(self, client: Client) -> None:
        client.double.limits = Limits(writes_per_hour=1)
        for _ in range(3):
            client.ask("POST", "/graphql", {"query": "{ viewer { login } }"})
        assert client.double.limits.refused == []


class TestTokens:
    def test_an_unknown_one(self, client: Client) -> None:
        client.token = "nope"
        assert client.ask("GET", REPO).status_code == 401

    def test_a_workflows_own_is_nobody(self, client: Client) -> None:
        assert client.ask("GET", "/user").status_code == 403
        client.token = "anns"
        client.double.token("anns", "ann")
        assert client.get("/user")["login"] == "ann"

    def test_what_it_may_not_do(self, client: Client) -> None:
        client.double.token(TOKEN, pull_requests="read")
        refused = client.comment("x")
        assert refused.status_code == 403
        assert refused.headers["x-accepted-github-permissions"] == "issues=write; pull_requests=write"
        assert client.get(f"{REPO}/issues/7/comments") == []


class TestFaults:
    def test_which_calls_are_hit(self, client: Client) -> None:
        client.double.fail(status=502, operation="repos/*", skip=1, every=2, times=2)
        assert [client.ask("GET", REPO).status_code for _ in range(7)] == [200, 200, 502, 200, 502, 200, 200]
        assert client.ask("GET", f"{REPO}/pulls").status_code == 200

    def test_the_effect_may_happen_all_the_same(self, client: Client) -> None:
        client.double.fail(carried_out=True)
        with pytest.raises(requests.ConnectionError):
            client.comment("x")
        assert len(client.double.world.comments) == 1
        assert client.double.calls[-1].status == 0

    def test_every_call_is_remembered(self, client: Client) -> None:
        client.get(f"{REPO}/pulls", state="all", per_page=2)
        (call,) = client.double.named("pulls/list")
        assert (call.method, call.path, call.status) == ("GET", f"{REPO}/pulls", 200)
        assert call.query == {"state": "all", "per_page": "2"}
        assert call.at == client.clock.now()


class TestMemory:
    def test_combined_status(self, client: Client) -> None:
        where = f"{REPO}/commits/{HEAD}/status"
        assert client.get(where)["state"] == "pending"
        client.status(context="a", state="pending")
        client.status(context="a")
        assert (client.get(where)["state"], client.get(where)["total_count"]) == ("success", 1)
        client.status(context="b", state="error")
        assert client.get(where)["state"] == "failure"

    def test_statuses_by_branch(self, client: Client) -> None:
        client.ask("POST", f"{REPO}/statuses/{MERGE}", {"state": "success"})
        assert len(client.get(f"{REPO}/commits/main/statuses")) == 1

    def test_comments_since_and_deleted(self, client: Client) -> None:
        first, second = client.comment("a").json(), client.comment("b").json()
        found = client.get(f"{REPO}/issues/7/comments", since=second["created_at"])
        assert [c["id"] for c in found] == [second["id"]]
        assert client.ask("DELETE", f"{REPO}/issues/comments/{first['id']}").status_code == 204
        assert client.ask("GET", f"{REPO}/issues/comments/{first['id']}").status_code == 404

    def test_reactions(self, client: Client) -> None:
        where = f"{REPO}/issues/comments/{client.comment('a').json()['id']}/reactions"
        assert [client.ask("POST", where, {"content": "eyes"}).status_code for _ in range(2)] == [201, 200]
        assert [r["content"] for r in client.get(where)] == ["eyes"]

    def test_a_forks_head_has_no_pull_request_until_it_is_merged(self, client: Client) -> None:
        world = client.double.world
        fork = pull_in_double(PULLS[0], client.double, owner="eve")
        fork.number, fork.head_commit, fork.head_repository = 9, FORKED, FORK
        fork.commits = (FORKED,)
        world.pulls[9], world.commits[FORKED] = fork, (BASE,)
        where = f"{REPO}/commits/{FORKED}/pulls"
        assert client.get(where) == []
        assert [p["number"] for p in client.get(f"{REPO}/pulls", head="eve:topic")] == [9]
        fork.merged_at, fork.state = client.clock.now(), "closed"
        assert [p["number"] for p in client.get(where)] == [9]
        assert client.get(f"{REPO}/pulls/9")["head"]["repo"]["id"] == FORK
        fork.head_repository = None
        assert client.get(f"{REPO}/pulls/9")["head"]["repo"] is None

    @pytest.mark.parametrize(
        ("names", "found"),
        [
            ((BASE, HEAD), ("ahead", 1, 0)),
            ((HEAD, BASE), ("behind", 0, 1)),
            ((HEAD, HEAD), ("identical", 0, 0)),
            ((HEAD, "main"), ("diverged", 1, 1)),
        ],
    )
    def test_comparison(self, client: Client, names: tuple[str, str], found: tuple[str, int, int]) -> None:
        answer = client.get(f"{REPO}/compare/{'...'.join(names)}")
        assert (answer["status"], answer["ahead_by"], answer["behind_by"]) == found

    def test_refs_and_contents(self, client: Client) -> None:
        client.double.world.files[MERGE, ".github/runner.yaml"] = b"aws: {}\n"
        assert client.get(f"{REPO}/git/ref/heads/main")["object"]["sha"] == MERGE
        found = client.get(f"{REPO}/contents/.github/runner.yaml", ref="main")
        assert base64.b64decode(found["content"]) == b"aws: {}\n"
        assert client.ask("GET", f"{REPO}/contents/none.yaml").status_code == 404

    def test_dispatch(self, client: Client) -> None:
        where = f"{REPO}/actions/workflows/merge.yaml/dispatches"
        assert client.ask("POST", where, {"ref": "main", "inputs": {"a": "1"}}).status_code == 204
        assert client.ask("POST", where, {"ref": "gone"}).status_code == 422
        assert client.ask("POST", where.replace("merge", "none"), {"ref": "main"}).status_code == 404
        assert client.double.world.dispatches == [("merge.yaml", "main", {"a": "1"})]


@pytest.fixture(autouse=True)
def no_violation_but_where_it_is_asked_for(request: pytest.FixtureRequest, client: Client) -> Iterator[None]:
    yield
    if request.cls is not TestStrictness:
        assert client.double.violations == []
