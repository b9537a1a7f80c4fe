"""Which queue files differ between two commits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.config import Config
from runner.gitops.repository.changes import Changed, changed_queues
from tests.histories import QUEUE, Files, Repository

TEMPLATED = "template: etl\n"
ETL = "templates/queues/etl.yaml"
OTHER = QUEUE.replace("true", "false")
CONFIG = Config()


@pytest.fixture
def made(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "checkout")


def between(made: Repository, first: Files, *then: Files, config: Config = CONFIG) -> Changed:
    before = made.commit(first)
    for files in then:
        made.commit(files)
    return changed_queues(made.folder, before, made.head, config)


def test_files_that_were_added_or_changed(made: Repository) -> None:
    first: Files = {"queues/kept.yaml": QUEUE, "queues/changed.yaml": QUEUE, "README.md": "1"}
    then: Files = {
        "queues/changed.yaml": OTHER,
        "queues/new.json": "{}",
        "queues/deep/er/x.yml": QUEUE,
        "queues/notes.txt": "no queue",
        "elsewhere/x.yaml": QUEUE,
        "queues/.runner/x.yaml": QUEUE,
        "README.md": "2",
    }
    expected = ("queues/changed.yaml", "queues/deep/er/x.yml", "queues/new.json")
    assert between(made, first, then) == Changed(queues=expected)


def test_the_patterns_are_those_of_the_configuration(made: Repository) -> None:
    then: Files = {"queues/x.yaml": QUEUE, "jobs/x.yaml": QUEUE, "jobs/deep/x.yaml": QUEUE}
    assert between(made, {}, then, config=Config(queues=("jobs/*.yaml",))).queues == ("jobs/x.yaml",)


def test_what_was_changed_and_changed_back_is_not_changed(made: Repository) -> None:
    first: Files = {"queues/x.yaml": QUEUE, ETL: QUEUE, "queues/t.yaml": TEMPLATED}
    again: Files = {"queues/x.yaml": QUEUE, ETL: QUEUE}
    assert between(made, first, {"queues/x.yaml": OTHER, ETL: OTHER}, again) == Changed()


def test_a_renamed_file_is_another_queue(made: Repository) -> None:
    found = between(made, {"queues/old.yaml": QUEUE}, {"queues/old.yaml": None, "queues/new.yaml": QUEUE})
    assert found == Changed(queues=("queues/new.yaml",), removed=("queues/old.yaml",))


def test_files_that_go_are_removed(made: Repository) -> None:
    first: Files = {"queues/gone.yaml": QUEUE, "queues/away.yaml": QUEUE, "queues/x.txt": "x"}
    then: Files = {
        "queues/gone.yaml": None,
        "queues/away.yaml": None,
        "away.yaml": QUEUE,
        "queues/x.txt": None,
    }
    assert between(made, first, then) == Changed(removed=("queues/away.yaml", "queues/gone.yaml"))


def test_only_who_may_execute_it_is_no_change(made: Repository) -> None:
    first = made.commit(
        {"queues/x.yaml": QUEUE, "queues/y.yaml": QUEUE, ETL: QUEUE, "queues/t.yaml": TEMPLATED}
    )
    for name in ("queues/x.yaml", "queues/y.yaml", ETL):
        (made.folder / name).chmod(0o755)
    second = made.commit({"queues/y.yaml": OTHER})
    assert changed_queues(made.folder, first, second, CONFIG) == Changed(queues=("queues/y.yaml",))


def test_links_and_submodules_do_not_run(made: Repository) -> None:
    first = made.commit({"queues/was.yaml": QUEUE, "real.yaml": QUEUE})
    for name in ("link.yaml", "was.yaml"):
        (made.folder / "queues" / name).unlink(missing_ok=True)
        (made.folder / "queues" / name).symlink_to("../real.yaml")
    made.git("update-index", "--add", "--cacheinfo", f"160000,{first},queues/module.yaml")
    made.git("add", "queues/link.yaml", "queues/was.yaml")
    made.git("commit", "--quiet", "--message", "Links")
    assert changed_queues(made.folder, first, made.head, CONFIG) == Changed(
        removed=("queues/was.yaml",),
        odd=(
            "queues/link.yaml is a link, and a queue is a file: it does not run",
            "queues/module.yaml is a submodule, and a queue is a file: it does not run",
            "queues/was.yaml is a link, and a queue is a file: it does not run",
        ),
    )
    linked = made.head
    (made.folder / "queues" / "was.yaml").unlink()
    made.commit({"queues/was.yaml": QUEUE})
    assert changed_queues(made.folder, linked, made.head, CONFIG).queues == ("queues/was.yaml",)


@pytest.mark.parametrize(
    "name", ["a b.yaml", "-x.yaml", "'\"`.yaml", "$(id).yaml", "ünï.yaml", "*.yaml", "::x.yaml"]
)
def test_most_names_are_good_ones(made: Repository, name: str) -> None:
    found = between(made, {}, {f"queues/{name}": QUEUE})
    assert found == Changed(queues=(f"queues/{name}",))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (os.fsdecode(b"lat\xfcn.yaml"), "queues/lat\\udcfcn.yaml has bytes that are not UTF-8 in its name"),
        ("new\nline.yaml", "queues/new�line.yaml has control characters in its name"),
        ("\x1b[31m.yaml", "queues/�[31m.yaml has control characters in its name"),
    ],
)
def test_names_that_cannot_be_written_down_are_said(made: Repository, name: str, says: str) -> None:
    before = made.commit()
    after = made.commit({f"queues/{name}": QUEUE})
    found = changed_queues(made.folder, before, after, CONFIG)
    assert found == Changed(odd=(f"{says}: it does not run",))
    assert all(sentence.isprintable() and sentence.encode() for sentence in found.odd)
    assert changed_queues(made.folder, after, before, CONFIG) == Changed()


FIRST: Files = {
    ETL: QUEUE,
    "queues/user.yaml": TEMPLATED,
    "queues/plain.yaml": QUEUE,
    "queues/other.yaml": "template: other\n",
    "queues/word.yaml": f"# template: etl\n{QUEUE}",
    "queues/broken.yaml": "template: [etl",
}


class TestTemplates:
    def test_who_uses_one_changes_with_it(self, made: Repository) -> None:
        found = between(made, FIRST, {ETL: OTHER})
        assert found == Changed(queues=("queues/user.yaml",), templates={"queues/user.yaml": (ETL,)})

    def test_a_file_counts_once(self, made: Repository) -> None:
        found = between(made, FIRST, {ETL: OTHER, "queues/user.yaml": f"{TEMPLATED}queue_name: x\n"})
        assert found == Changed(queues=("queues/user.yaml",), templates={"queues/user.yaml": (ETL,)})

    def test_one_that_comes_or_goes_changes_who_uses_it(self, made: Repository) -> None:
        """The program brings a template `etl` of its own, which the repository's takes the place of."""
        gone = between(made, FIRST, {ETL: None})
        back = between(made, {}, {ETL: QUEUE})
        assert gone.queues == back.queues == ("queues/user.yaml",)

    def test_one_that_is_not_taken_does_not_count(self, made: Repository) -> None:
        other = {
            "templates/queues/etl.json": "{}",
            "templates/queues/deep/etl.yaml": QUEUE,
            "templates/etl.yaml": "x",
        }
        assert between(made, FIRST, other) == Changed()

    def test_another_file_of_the_same_name_that_is_taken_now_does(self, made: Repository) -> None:
        found = between(made, {**FIRST, "templates/queues/etl.json": QUEUE}, {ETL: None})
        assert found.templates == {"queues/user.yaml": (ETL,)}

    def test_where_it_is_a_link_any_change_there_counts(self, made: Repository) -> None:
        (made.folder / ETL).parent.mkdir(parents=True)
        (made.folder / ETL).symlink_to("base.yaml")
        found = between(
            made,
            {**FIRST, ETL: QUEUE, "templates/queues/base.yaml": QUEUE},
            {"templates/queues/base.yaml": OTHER},
        )
        assert found == Changed(
            queues=("queues/user.yaml",), templates={"queues/user.yaml": ("templates/queues/base.yaml",)}
        )

    def test_a_link_to_a_queue_is_not_read(self, made: Repository) -> None:
        (made.folder / "queues").mkdir()
        (made.folder / "queues" / "link.yaml").symlink_to("user.yaml")
        assert between(made, FIRST, {ETL: OTHER}).queues == ("queues/user.yaml",)


def test_two_thousand_queues_with_one_template(made: Repository) -> None:
    files: dict[str, str | bytes | None] = {f"queues/{i:04}.yaml": TEMPLATED for i in range(2000)}
    found = between(made, {**files, ETL: QUEUE}, {ETL: OTHER})
    assert len(found.queues) == 2000
