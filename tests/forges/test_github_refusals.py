"""What GitHub's refusals become: a pause, or an error in words. And where it is, from the environment."""

from __future__ import annotations

import pytest

from runner.errors import ForgeError, ForgeNotFoundError, ForgeRefusedError, UsageError
from runner.forges.github.refusals import Reply, error, pause, retry_after
from runner.forges.github.settings import from_environment

NOW = 1_800_000_000.0
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
PLACE = {"GITHUB_REPOSITORY": "octo/lab", "GITHUB_TOKEN": "ghs_secret"}


class TestPause:
    @pytest.mark.parametrize(
        ("status", "headers", "message", "seconds"),
        [
            (403, {"retry-after": "30"}, "", 30),
            (429, {"retry-after": "0"}, "", 0),
            (403, {"retry-after": "Fri, 15 Jan 2027 08:01:00 GMT"}, "", 60),
            (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{NOW + 90:.0f}"}, "", 90),
            (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{NOW - 90:.0f}"}, "", 1),
            (403, {"x-ratelimit-remaining": "0"}, "", 60),
            (403, {"x-ratelimit-remaining": "17"}, SECONDARY, 60),
            (403, {}, "You have triggered an abuse detection mechanism.", 60),
            (429, {}, "", 60),
        ],
    )
    def test_later_means_wait(
        self, status: int, headers: dict[str, str], message: str, seconds: float
    ) -> None:
        assert pause(Reply(status=status, headers=headers, message=message), NOW, 0) == seconds

    @pytest.mark.parametrize(
        ("status", "message"),
        [
            (403, "Resource not accessible by integration"),
            (403, ""),
            (401, "Bad credentials"),
            (404, ""),
            (422, SECONDARY),
            (502, SECONDARY),
        ],
    )
    def test_no_means_no(self, status: int, message: str) -> None:
        headers = {"x-ratelimit-remaining": "17"}
        assert pause(Reply(status=status, headers=headers, message=message), NOW, 0) is None

    def test_longer_each_time_up_to_an_hour(self) -> None:
        reply = Reply(status=403, headers={}, message=SECONDARY)
        assert [pause(reply, NOW, before) for before in (0, 1, 2, 5, 6, 500)] == [
            60,
            120,
            240,
            1920,
            3600,
            3600,
        ]

    @pytest.mark.parametrize("value", ["", "soon", "-5", "１２", "99 bottles"])
    def test_a_time_that_says_nothing(self, value: str) -> None:
        assert retry_after(value, NOW) is None


class TestError:
    def said(self, status: int, message: str = "", **more: str) -> tuple[ForgeError, str]:
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        made = error(Reply(status=status, headers=headers, message=message), "set the status a of 1a2b3c4")
        assert made.message.startswith("cannot set the status a of 1a2b3c4: ")
        return made, made.message.removeprefix("cannot set the status a of 1a2b3c4: ")

    def test_token(self) -> None:
        made, text = self.said(401, "Bad credentials")
        assert text == "GitHub does not accept the token (wrong, revoked or expired)"
        assert made.hint == "a workflow's token ends with its job; run the workflow again"

    def test_permission_by_name(self) -> None:
        made, text = self.said(
            403,
            "Resource not accessible by integration",
            x_accepted_github_permissions="issues=write; pull_requests=write",
        )
        assert isinstance(made, ForgeRefusedError)
        assert text == "the token lacks a permission (issues: write or pull-requests: write)"
        assert "`permissions:` of the workflow's job" in made.hint

    def test_permission_without_a_name(self) -> None:
        made, text = self.said(403, "Resource not accessible by personal access token")
        assert isinstance(made, ForgeRefusedError)
        assert text == "the token lacks a permission"

    def test_other_refusal(self) -> None:
        made, text = self.said(403, "Repository was archived so is read-only.")
        assert isinstance(made, ForgeRefusedError)
        assert text == "GitHub refuses: Repository was archived so is read-only."

    @pytest.mark.parametrize("status", [404, 410])
    def test_missing(self, status: int) -> None:
        made, text = self.said(status)
        assert isinstance(made, ForgeNotFoundError)
        assert text == "it is not there, or the token may not see it"

    def test_not_taken(self) -> None:
        reply = Reply(status=422, headers={}, message="Validation Failed", details=("body is too long",))
        assert error(reply, "comment").message == (
            "cannot comment: GitHub does not take it: Validation Failed; body is too long"
        )

    def test_trouble(self) -> None:
        assert self.said(503)[1] == "GitHub is in trouble (503)"

    def test_anything_else(self) -> None:
        assert self.said(418, "short and stout")[1] == "GitHub answered 418: short and stout"


class TestSettings:
    def test_as_actions_gives_them(self) -> None:
        found = from_environment(PLACE)
        assert (found.repository, found.token) == ("octo/lab", "ghs_secret")
        assert found.api_url == "https://api.github.com"
        assert found.graphql_url == "https://api.github.com/graphql"

    @pytest.mark.parametrize(
        ("api", "graphql"),
        [
            ("https://ghe.example/api/v3", "https://ghe.example/api/graphql"),
            ("https://ghe.example/api/v3/", "https://ghe.example/api/graphql"),
            ("https://api.octo.ghe.com", "https://api.octo.ghe.com/graphql"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/graphql"),
        ],
    )
    def test_enterprise(self, api: str, graphql: str) -> None:
        # The second variable could name another host, and the token would go there.
        elsewhere = {"GITHUB_API_URL": api, "GITHUB_GRAPHQL_URL": "https://elsewhere.example/graphql"}
        assert from_environment(PLACE | elsewhere).graphql_url == graphql

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"GITHUB_REPOSITORY": ""}, "GITHUB_REPOSITORY is not set"),
            ({"GITHUB_REPOSITORY": "lab"}, "GITHUB_REPOSITORY is 'lab', not OWNER/NAME"),
            ({"GITHUB_REPOSITORY": "octo/lab/.."}, "not OWNER/NAME"),
            ({"GITHUB_REPOSITORY": "octo/.."}, "not OWNER/NAME"),
            ({"GITHUB_TOKEN": " "}, "GITHUB_TOKEN is not set"),
            ({"GITHUB_TOKEN": "ghs_secret\nghs_secret"}, "GITHUB_TOKEN has characters that no token has"),
            ({"GITHUB_API_URL": "api.github.com"}, "GITHUB_API_URL is no address of an API"),
            ({"GITHUB_API_URL": "https://ghs_secret@x.example"}, "GITHUB_API_URL is no address of an API"),
            ({"GITHUB_API_URL": "http://ghe.example/api/v3"}, "unencrypted to ghe.example"),
        ],
    )
    def test_mistakes_are_named_without_the_token(self, change: dict[str, str], says: str) -> None:
        with pytest.raises(UsageError) as caught:
            from_environment(PLACE | change)
        assert says in caught.value.message
        assert caught.value.hint
        assert "secret" not in f"{caught.value!r} {caught.value.message} {caught.value.hint}"

    def test_the_token_shows_in_no_repr(self) -> None:
        assert "secret" not in repr(from_environment(PLACE))
