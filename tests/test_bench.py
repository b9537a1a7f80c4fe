"""What the bench gives to each program, and how it counts: a wrong input would make a wrong table."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bench import generate, table
from bench.generate import Shape
from bench.measure import BenchError, Command, interleaved, median_ratio, seconds

FAN = Shape(name="fan", levels=(1, 3, 1))


def test_a_shape_links_each_level_to_all_of_the_one_before() -> None:
    assert FAN.jobs() == [
        ("j0", []), ("j1", ["j0"]), ("j2", ["j0"]), ("j3", ["j0"]), ("j4", ["j1", "j2", "j3"]),
    ]  # fmt: skip


def test_limit_gets_a_level_for_each_job() -> None:
    assert [line.split()[:2] for line in generate.limit_lines(FAN).splitlines()] == [
        ["0", "j0"], ["1", "j1"], ["1", "j2"], ["1", "j3"], ["2", "j4"],
    ]  # fmt: skip


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_the_queue_names_another_shell_only_where_it_is_another(shell: str) -> None:
    assert (f"shell: [/bin/{shell}, -c]" in generate.queue_yaml(FAN, shell)) == (shell != "bash")


def test_make_runs_every_job_with_logs_and_stamps(tmp_path: Path) -> None:
    make = shutil.which("make")
    if make:
        for name in ("logs", "stamps"):
            (tmp_path / name).mkdir()
        (tmp_path / "Makefile").write_text(generate.makefile(FAN))
        subprocess.run([make, "-j2"], cwd=tmp_path, check=True, capture_output=True)
        assert len(list((tmp_path / "stamps").iterdir())) == FAN.size
        assert len(list((tmp_path / "logs").iterdir())) == 2 * FAN.size
    else:
        assert "stamps/j4: stamps/j1 stamps/j2 stamps/j3" in generate.makefile(FAN)


def test_the_big_file_says_the_same_in_both_notations() -> None:
    queue = generate.big_queue(120)
    assert YAML(typ="safe").load(generate.as_yaml(queue)) == json.loads(json.dumps(queue))


def test_pairs_take_turns() -> None:
    turns: list[str] = []
    interleaved([lambda: turns.append("a") or 1.0, lambda: turns.append("b") or 2.0], rounds=2)
    assert turns == ["a", "b", "a", "b"]


def test_the_ratio_is_taken_pair_by_pair() -> None:
    assert median_ratio([1, 10, 4], [2, 10, 2]) == 1.0


def test_a_command_that_fails_has_no_time(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"exit 3\nwhy"):
        seconds(Command(argv=("/bin/sh", "-c", "echo why; exit 3"), folder=tmp_path))


def test_only_what_is_between_the_markers_changes() -> None:
    page = f"a\n{table.BEGIN}\nold\n{table.END}\nz\n"
    assert table.into_page(page, "new\n") == f"a\n{table.BEGIN}\nnew\n{table.END}\nz\n"
    with pytest.raises(ValueError, match="no <!-- bench"):
        table.into_page("a page", "new")
