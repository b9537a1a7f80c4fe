"""Who may give which command, and what is no command at all."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from runner.gitops.commands.answering import check
from runner.gitops.commands.parse import parse
from runner.gitops.commands.permit import needs, permitted
from tests.builders import RUN_ID
from tests.forge_worlds import furnish
from tests.github_double import BOT, Double, serving
from tests.gitops.commands.commanding import (
    CLOSED,
    DIGEST,
    MERGED,
    OPEN,
    DoubleWorld,
    World,
    checkout,
    commanded,
    context,
    do,
    nothing,
)
from tests.virtual_time import VirtualTime


class TestPermission:
    @pytest.mark.parametrize(
        ("fields", "why"),
        [
            ({"action": "edited"}, "edited"),
            ({"action": "deleted"}, "deleted"),
            ({"by_bot": True}, "not a person's"),
            ({"on_pull": False}, "not on a pull request"),
            ({"author": BOT.upper()}, "our own"),
            ({"author": "bob"}, "changed"),
            ({"body": "/runner help "}, "changed"),
            ({"body": "hello"}, "no command"),
        ],
    )
    def test_what_is_passed_over(
        self, world: World, tmp_path: Path, fields: dict[str, Any], why: str
    ) -> None:
        event = dataclasses.replace(commanded(world, "ann", "/runner help"), **fields)
        permit = permitted(event, world.forge, "write")
        assert (permit.allowed, permit.silent) == (False, True)
        assert why in permit.reason
        nothing(world, tmp_path, event)

    def test_prose_costs_no_request(self, tmp_path: Path) -> None:
        clock = VirtualTime()
        with serving(furnish(Double(clock))) as double:
            world = DoubleWorld(double, clock)
            for body in ("thanks!", "/runnerx", "> /runner cancel x", " /runner help"):
                nothing(world, tmp_path, commanded(world, "ann", body, OPEN))
            assert [call.operation for call in double.calls] == ["issues/list-comments"] * 8
            world.forge.close()

    def test_edited_in_the_meantime(self, world: World, tmp_path: Path) -> None:
        event = commanded(world, "ann", "/runner help")
        world.change(event.comment, "/runner help")
        nothing(world, tmp_path, event)

    def test_deleted_in_the_meantime(self, world: World, tmp_path: Path) -> None:
        event = commanded(world, "ann", "/runner help")
        world.delete(event.comment)
        nothing(world, tmp_path, event)

    def test_of_another_pull_request(self, world: World, tmp_path: Path) -> None:
        event = dataclasses.replace(commanded(world, "ann", "/runner help", MERGED), number=OPEN)
        nothing(world, tmp_path, event)

    def test_of_who_has_no_part_here(self, world: World, tmp_path: Path) -> None:
        nothing(world, tmp_path, commanded(world, "eve", "/runner help"))

    @pytest.mark.parametrize(
        ("allow", "may"),
        [
            ("write", {"ann", "bob"}),
            ("admin", {"ann"}),
            (("CAT", "eve"), {"cat"}),
            ((), set()),
        ],
    )
    def test_who_may(self, world: World, allow: str | tuple[str, ...], may: set[str]) -> None:
        found = set()
        for login in ("ann", "bob", "cat", "eve"):
            event = commanded(world, login, f"/runner retry {RUN_ID}")
            permit = permitted(event, world.forge, allow)
            assert permit.silent == (login == "eve")
            found |= {login} if permit.allowed else set()
            assert permitted(commanded(world, login, "/runner help"), world.forge, allow).allowed == (
                login != "eve"
            )
        assert found == may

    def test_closed_without_a_merge(self, world: World) -> None:
        found = {}
        for verb in ("help", "status", "plan", f"run {DIGEST}", f"retry {RUN_ID}"):
            event = commanded(world, "ann", f"/runner {verb}", CLOSED)
            found[verb.split()[0]] = permitted(event, world.forge, "write").allowed
        assert found == {"help": True, "status": True, "plan": False, "run": False, "retry": False}

    def test_a_refusal_is_said(self, world: World, tmp_path: Path) -> None:
        body, reactions = do(world, tmp_path, f"/runner retry {RUN_ID}", login="cat")
        assert "you may not retry here" in body
        assert reactions == ["eyes", "confused"]

    def test_a_broken_configuration_leaves_administrators(self, world: World, tmp_path: Path) -> None:
        place = checkout(tmp_path) / ".github" / "runner.yaml"
        place.parent.mkdir()
        place.write_text("commands: {allow: [")
        assert "you may not plan" in do(world, tmp_path, "/runner plan", login="bob", pull=OPEN)[0]
        assert "Plans again" in do(world, tmp_path, "/runner plan", login="ann", pull=OPEN)[0]

    def test_the_configuration_names_who_may(self, world: World, tmp_path: Path) -> None:
        place = checkout(tmp_path) / ".github" / "runner.yaml"
        place.parent.mkdir()
        place.write_text("commands: {allow: [Cat]}\n")
        assert "you may not plan" in do(world, tmp_path, "/runner plan", login="ann", pull=OPEN)[0]
        assert "Plans again" in do(world, tmp_path, "/runner plan", login="cat", pull=OPEN)[0]


class TestCheck:
    @pytest.mark.parametrize(
        ("login", "body", "outputs"),
        [
            ("ann", "/runner help", ("true", "light", "true")),
            ("ann", f"/runner retry {RUN_ID}", ("true", "run", "true")),
            ("ann", f"/runner run {DIGEST}", ("true", "run", "true")),
            ("ann", f"/runner cancel {RUN_ID}", ("true", "light", "true")),
            ("ann", "/runner hlep", ("true", "light", "true")),
            ("cat", "/runner hlep", ("false", "light", "true")),
            ("cat", f"/runner retry {RUN_ID}", ("false", "light", "true")),
            ("eve", f"/runner retry {RUN_ID}", ("false", "light", "false")),
            ("ann", "hello", ("false", "light", "false")),
        ],
    )
    def test_outputs(
        self, world: World, tmp_path: Path, login: str, body: str, outputs: tuple[str, str, str]
    ) -> None:
        here = context(tmp_path)
        event = commanded(world, login, body)
        if isinstance(world, DoubleWorld):  # the right to read is enough
            world.double.world.tokens["ghs_0123456789abcdefSECRET"].permissions = {
                "metadata": "read",
                "contents": "read",
                "pull_requests": "read",
                "statuses": "read",
                "actions": "read",
            }
        assert check(here, event, world.forge) == 0
        assert here.output_path is not None
        found = re.findall(r"^([a-z]+)<<.*\n(.*)\n", here.output_path.read_text(), re.MULTILINE)
        assert found == list(zip(("allowed", "needs", "answer"), outputs, strict=True))
        if isinstance(world, DoubleWorld):
            assert all(call.method == "GET" or call.operation == "graphql" for call in world.double.calls)

    def test_what_needs_a_machine(self) -> None:
        commands = {"help": "", "status": "", "plan": "", "unlock": "", "retry": "x", "resume": "x"}
        commands |= {"cancel": "x", "logs": "x y", "run": DIGEST}
        heavy = {v for v, words in commands.items() if needs(parse(f"/runner {v} {words}")) == "run"}  # type: ignore[arg-type]
        assert heavy == {"retry", "resume", "run"}
