"""What a push starts: which files, each at which commit, for which pull request; and what a person starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from runner.config import Config
from runner.errors import NotFoundError, RunnerError, UsageError
from runner.gitops.merge import due as deciding
from runner.gitops.merge.due import Decision, due_by_hand, due_on_push, params_of
from runner.gitops.payload import DispatchEvent, PushEvent
from tests.histories import HERE, NOTHING, QUEUE, Files, Forge, Repository

A, B = "queues/a.yaml", "queues/b.yaml"
ETL = "templates/queues/etl.yaml"
OTHER = QUEUE.replace("true", "false")


class World:
    """A repository whose main branch is pushed, and its forge."""

    def __init__(self, folder: Path) -> None:
        self.repository = Repository(folder / "checkout")
        self.forge = Forge(folder / "forge")
        self.before = self.repository.commit({"README.md": "1"})

    def topic(self, *commits: Files, name: str = "topic") -> None:
        """A branch with these commits; main is checked out again."""
        self.repository.branch(name, "main")
        for files in commits:
            self.repository.commit(files)
        self.repository.switch("main")

    def pushed(
        self, before: str = "", after: str = "", checkout: Path | None = None, ref: str = "main"
    ) -> Decision:
        event = PushEvent(
            ref=f"refs/heads/{ref}",
            before=before or self.before,
            after=after or self.repository.head,
            default_branch="main",
        )
        return due_on_push(event, checkout or self.repository.folder, self.forge, Config())


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def told(decision: Decision) -> list[tuple[str, str, int]]:
    """Source, commit, and number of the pull request (0 for none)."""
    return [(due.source, due.commit, due.pull.number if due.pull else 0) for due in decision.due]


class TestOneRequest:
    def test_squash(self, world: World) -> None:
        world.topic({A: QUEUE}, {B: QUEUE}, {A: OTHER})
        merge = world.repository.squash("topic")
        world.forge.merged(7, merge)
        assert told(world.pushed()) == [(A, merge, 7), (B, merge, 7)]
        assert world.forge.asked == [merge]

    def test_merge_commit(self, world: World) -> None:
        world.topic({A: QUEUE}, {B: QUEUE})
        merge = world.repository.merge("topic")
        world.forge.merged(7, merge)
        assert told(world.pushed()) == [(A, merge, 7), (B, merge, 7)]

    def test_rebase_runs_at_the_last_commit_of_the_request(self, world: World) -> None:
        world.topic({A: QUEUE}, {B: QUEUE}, {"README.md": "2"})
        one, two, three = world.repository.rebase("topic")
        world.forge.merged(7, three, one, two)
        assert told(world.pushed()) == [(A, three, 7), (B, three, 7)]

    def test_from_a_fork(self, world: World) -> None:
        world.topic({A: QUEUE})
        merge = world.repository.squash("topic")
        world.forge.merged(7, merge, head_repository=0)
        assert told(world.pushed()) == [(A, merge, 7)]

    def test_merged_while_the_branch_went_on(self, world: World) -> None:
        world.topic({A: QUEUE})
        direct = world.repository.commit({"README.md": "2"})
        merge = world.repository.merge("topic")
        world.forge.merged(7, merge)
        assert told(world.pushed(before=direct)) == [(A, merge, 7)]

    def test_a_renamed_file(self, world: World) -> None:
        world.before = world.repository.commit({A: QUEUE})
        world.topic({A: None, B: QUEUE})
        merge = world.repository.squash("topic")
        world.forge.merged(7, merge)
        assert told(world.pushed()) == [(B, merge, 7)]

    def test_a_template(self, world: World) -> None:
        world.before = world.repository.commit({ETL: QUEUE, A: "template: etl\n", B: "template: etl\n"})
        world.topic({ETL: OTHER})
        merge = world.repository.squash("topic")
        world.forge.merged(7, merge)
        direct = world.repository.commit({B: "template: etl\nqueue_name: x\n"})
        assert told(world.pushed()) == [(A, merge, 7), (B, direct, 0)]


class TestSeveralRequests:
    def test_each_has_its_own_file(self, world: World) -> None:
        world.topic({A: QUEUE}, name="one")
        world.topic({B: QUEUE}, name="two")
        first, second = world.repository.merge("one"), world.repository.squash("two")
        world.forge.merged(7, first)
        world.forge.merged(8, second)
        assert told(world.pushed()) == [(A, first, 7), (B, second, 8)]

    def test_both_touch_one_file(self, world: World) -> None:
        world.topic({A: QUEUE}, name="one")
        first = world.repository.squash("one")
        world.topic({A: OTHER}, name="two")
        second = world.repository.squash("two")
        world.forge.merged(8, first)
        world.forge.merged(7, second)
        assert told(world.pushed()) == [(A, second, 7)]

    def test_two_rebased_ones_are_kept_apart(self, world: World) -> None:
        world.topic({A: QUEUE}, {"x": "1"}, name="one")
        a1, a2 = world.repository.rebase("one")
        world.topic({B: QUEUE}, {"x": "2"}, name="two")
        b1, b2 = world.repository.rebase("two")
        world.forge.merged(7, a2, a1)
        world.forge.merged(8, b2, b1)
        assert told(world.pushed()) == [(A, a2, 7), (B, b2, 8)]

    def test_the_one_whose_merge_it_is_comes_before_one_that_also_has_it(self, world: World) -> None:
        world.topic({A: QUEUE}, {"x": "1"})
        one, two = world.repository.rebase("topic")
        world.forge.merged(9, two, one)
        world.forge.merged(7, one)
        assert told(world.pushed()) == [(A, one, 7)]

    def test_of_several_the_one_merged_last(self, world: World) -> None:
        merge = world.repository.commit({A: QUEUE})
        world.forge.merged(7, merge, merged_at=2.0)
        world.forge.merged(8, merge, merged_at=3.0)
        world.forge.merged(9, merge, merged_at=1.0)
        assert told(world.pushed()) == [(A, merge, 8)]


class TestNoRequest:
    def test_a_direct_push_of_several_commits(self, world: World) -> None:
        one = world.repository.commit({A: QUEUE, B: QUEUE})
        two = world.repository.commit({B: OTHER})
        assert told(world.pushed()) == [(A, one, 0), (B, two, 0)]

    @pytest.mark.parametrize(
        "fields",
        [
            {"merged_at": 0.0, "is_open": True},
            {"merged_at": 0.0},
            {"base_branch": "release"},
            {"base_repository": HERE + 1},
            {"base_repository": 0},
        ],
        ids=["open", "closed", "into another branch", "of another repository", "of one that is gone"],
    )
    def test_a_request_that_did_not_bring_it_here_does_not_count(
        self, world: World, fields: Mapping[str, object]
    ) -> None:
        commit = world.repository.commit({A: QUEUE})
        world.forge.merged(7, commit, **fields)
        assert told(world.pushed()) == [(A, commit, 0)]

    def test_one_that_was_merged_with_another_push_does_not_count(self, world: World) -> None:
        """A stack: its lower half was squashed before, and now its commits come as they are."""
        world.before = squashed = world.repository.commit({"README.md": "squashed"})
        commit = world.repository.commit({A: QUEUE})
        world.forge.merged(7, squashed, commit)
        assert told(world.pushed()) == [(A, commit, 0)]

    def test_one_whose_merge_comes_before_the_commit_does_not_count(self, world: World) -> None:
        merge = world.repository.commit({"README.md": "2"})
        commit = world.repository.commit({A: QUEUE})
        world.forge.merged(7, merge, commit)
        assert told(world.pushed()) == [(A, commit, 0)]


class TestNothing:
    def nothing(self, decision: Decision) -> str:
        assert decision.due == ()
        assert decision.nothing_because
        return decision.nothing_because

    def test_no_queue_file(self, world: World) -> None:
        world.repository.commit({"README.md": "2"})
        assert self.nothing(world.pushed()) == "no queue file was added or changed"
        assert world.forge.asked == []

    def test_a_deleted_file(self, world: World) -> None:
        world.before = world.repository.commit({A: QUEUE})
        world.repository.commit({A: None})
        assert self.nothing(world.pushed()) == "no queue file was added or changed"

    def test_another_branch(self, world: World) -> None:
        world.repository.commit({A: QUEUE})
        said = self.nothing(world.pushed(ref="topic"))
        assert said == "queues run from main only, this was a push to refs/heads/topic"

    def test_a_tag(self, world: World) -> None:
        event = PushEvent(
            ref="refs/tags/main", before=world.before, after=world.before, default_branch="main"
        )
        decision = due_on_push(event, world.repository.folder, world.forge, Config())
        assert "refs/tags/main" in self.nothing(decision)

    def test_the_first_push(self, world: World) -> None:
        world.repository.commit({A: QUEUE})
        assert "first push" in self.nothing(world.pushed(before=NOTHING))

    def test_a_deleted_branch(self, world: World) -> None:
        assert self.nothing(world.pushed(after=NOTHING)) == "the branch was deleted"

    def test_a_force_push_whose_old_commits_are_gone(self, world: World) -> None:
        world.repository.commit({A: QUEUE})
        gone = "ab" * 20
        said = self.nothing(world.pushed(before=gone))
        assert said == "the push replaced abababababab, where the branch was before (a force push)"

    def test_a_force_push_whose_old_commits_are_still_there(self, world: World) -> None:
        old = world.repository.commit({B: QUEUE})
        world.repository.git("reset", "--quiet", "--hard", world.before)
        world.repository.commit({A: QUEUE})
        assert "does not follow" in self.nothing(world.pushed(before=old))

    def test_a_branch_that_was_set_back(self, world: World) -> None:
        newer = world.repository.commit({A: QUEUE})
        assert "does not follow" in self.nothing(world.pushed(before=newer, after=world.before))

    def test_what_cannot_run_is_said(self, world: World) -> None:
        (world.repository.folder / "queues").mkdir()
        (world.repository.folder / A).symlink_to("../README.md")
        world.repository.commit()
        decision = world.pushed()
        self.nothing(decision)
        assert decision.notes == (f"{A} is a link, and a queue is a file: it does not run",)


class TestAShallowClone:
    def test_that_does_not_reach_back_is_an_error(self, world: World, tmp_path: Path) -> None:
        world.repository.commit({A: QUEUE})
        shallow = world.repository.clone(tmp_path / "shallow", depth=1)
        with pytest.raises(RunnerError, match="does not reach back") as caught:
            world.pushed(checkout=shallow.folder)
        assert "fetch-depth: 0" in caught.value.hint

    def test_that_has_both_commits_and_nothing_between_is_an_error(
        self, world: World, tmp_path: Path
    ) -> None:
        world.repository.commit({A: QUEUE})
        world.repository.commit({A: OTHER})
        shallow = world.repository.clone(tmp_path / "shallow", depth=1)
        shallow.git("fetch", "--quiet", "--depth=1", "origin", world.before)
        with pytest.raises(RunnerError, match="does not reach back"):
            world.pushed(checkout=shallow.folder)

    def test_that_is_deep_enough_will_do(self, world: World, tmp_path: Path) -> None:
        commit = world.repository.commit({A: QUEUE})
        shallow = world.repository.clone(tmp_path / "shallow", depth=2)
        assert told(world.pushed(checkout=shallow.folder)) == [(A, commit, 0)]

    def test_without_the_commit_that_was_pushed_is_an_error(self, world: World) -> None:
        with pytest.raises(RunnerError, match="is not in this clone"):
            world.pushed(after="ab" * 20)


def test_two_thousand_files_of_one_request_are_looked_up_once(world: World) -> None:
    names = [f"queues/{i:04}.yaml" for i in range(2000)]
    merge = world.repository.commit(dict.fromkeys(names, QUEUE))
    world.forge.merged(7, merge)
    assert told(world.pushed()) == [(name, merge, 7) for name in names]
    assert world.forge.asked == [merge]


def test_a_push_of_too_many_commits_leaves_the_rest_with_a_note(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding, "MOST_LOOKUPS", 2)
    commits = [world.repository.commit({f"queues/{i}.yaml": QUEUE}) for i in (3, 2, 1)]
    decision = world.pushed()
    assert told(decision) == [("queues/3.yaml", commits[0], 0), ("queues/2.yaml", commits[1], 0)]
    assert decision.notes == ("queues/1.yaml is left to reconcile: the push has too many commits",)


class TestByHand:
    def asked(self, world: World, queue: str, params: str = "", salt: str = "") -> Decision:
        event = DispatchEvent(inputs={"queue": queue, "params": params})
        repository = world.repository
        return due_by_hand(event, repository.head, repository.folder, Config(), salt=salt)

    @pytest.mark.parametrize("path", [A, f"./{A}", f" {A}\n"])
    def test_a_queue_file_with_params(self, world: World, path: str) -> None:
        commit = world.repository.commit({A: QUEUE})
        (due,) = self.asked(world, path, "region=eu\r\n 'day= a=b '", salt="31").due
        assert (due.source, due.commit, due.pull, due.salt) == (A, commit, None, "31")
        assert due.params == {"region": "eu", "day": " a=b "}

    def test_it_is_taken_from_the_commit_not_from_the_folder(self, world: World) -> None:
        world.repository.write({A: QUEUE})
        with pytest.raises(NotFoundError, match=f"no file {A} at"):
            self.asked(world, A)

    @pytest.mark.parametrize(
        "path",
        [
            "README.md",
            "queues",
            "queues/",
            "/etc/x.yaml",
            "../queues/a.yaml",
            "queues/x.txt",
            "-queues/a.yaml",
        ],
    )
    def test_what_is_no_queue_file_is_refused(self, world: World, path: str) -> None:
        with pytest.raises(UsageError, match="is not a queue file"):
            self.asked(world, path)

    @pytest.mark.parametrize(
        "path", ["queues/../queues/a.yaml", "queues//a.yaml", "queues/link.yaml", "queues/b.yaml"]
    )
    def test_what_is_not_there_is_not_found(self, world: World, path: str) -> None:
        world.repository.write({A: QUEUE})
        (world.repository.folder / "queues/link.yaml").symlink_to("a.yaml")
        world.repository.commit()
        with pytest.raises(NotFoundError, match="there is no file"):
            self.asked(world, path)

    def test_no_queue_at_all(self, world: World) -> None:
        with pytest.raises(UsageError, match="no queue is named"):
            due_by_hand(DispatchEvent(inputs={}), world.before, world.repository.folder, Config())

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("a=1\nb", "word 2 of the params is not name=value"),
            ("=1", "word 1 "),
            ("a b=1", "word 1 "),
            ("${x}=1", "word 1 "),
            ("a=1\n\na=2", "the param a is given twice"),
            ("a='1", "end inside of quotes"),
            ("a=" + "x" * 70_000, "more than 65,536 characters"),
        ],
    )
    def test_params_that_mean_nothing_are_refused(self, text: str, says: str) -> None:
        with pytest.raises(UsageError, match=says):
            params_of(text)
