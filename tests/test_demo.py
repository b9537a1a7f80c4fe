"""`runner demo`: the whole loop, by the commands that workflows call."""

from __future__ import annotations

import re
from pathlib import Path

from tests.project import ROOT, Project


def test_the_loop_is_played(project: Project) -> None:
    done = project.run("demo", "--keep", "here", "--svg", "demo.svg", COLUMNS="100")
    assert (done.returncode, done.stderr) == (0, "")
    told = re.sub(r"\d+m?s\b", "1s", re.sub(r"forecast-\d{8}T\d{6}-\w{6}", "RUN", done.stdout))
    for expected in (
        "Ready to run: 1 queue, 4 jobs",
        "runner/plan",
        "forecast failed",
        "Disk quota exceeded",
        "Again: /runner retry RUN train",
        "ada comments: /runner retry RUN",
        "Succeeded in 1s (attempt 2)",
        "forecast succeeded",
    ):
        assert expected in told, told
    assert (project.folder / "here/forecast/.git").is_dir()
    assert "forecast" in (project.folder / "demo.svg").read_text()


def test_a_folder_that_is_in_use_is_left_alone(project: Project) -> None:
    project.write("here/mine", "mine")
    done = project.run("demo", "--keep", "here")
    assert done.returncode == 2
    assert [path.name for path in (project.folder / "here").iterdir()] == ["mine"]


def test_the_picture_in_the_readme_is_there() -> None:
    assert "docs/demo.svg" in (ROOT / "README.md").read_text()
    picture = Path(ROOT, "docs/demo.svg").read_text()
    assert "runner&#160;demo" in picture
    assert "@font-face" not in picture
