"""A merged queue whose jobs look for what is beside them: the token, secrets, the files of the step.

The real command, as the user that everybody is on such a machine: root without its powers passes for one.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import pytest
from ruamel.yaml import YAML

from runner.publish.follow import follow
from runner.publish.watched import Watched
from tests.builders import failed_log
from tests.forge_worlds import InFiles
from tests.hostile_world import SECRET, TOKEN, HostileWorld, new_world, without_ptrace, workflow_commands
from tests.publish.publishing import TARGET, Playing, clock_at_start

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("hostile machine")]

ROOT = Path(__file__).parents[1]
CONFIG = "policy: {require_digest: false, environment: [CANARY]}\n"
AS_A_STEP = [*without_ptrace(), "bash", "-ec", 'exec "$@"', "bash"]
TELL = """\
import base64, json, os, pathlib, sys
from urllib.parse import quote
secret = os.environ["GIVEN"]
forms = [secret, base64.b64encode(secret.encode()).decode(), quote(secret, safe=""), json.dumps(secret)]
for stream in (sys.stdout, sys.stderr):
    for form in forms:
        half = len(form) // 2
        stream.write(f"<{form[:half]}"); stream.flush()
        stream.write(f"{form[half:]}>\\n"); stream.flush()
pathlib.Path(os.environ["RUNNER_SUMMARY"]).write_text("\\n".join(forms))
outputs = "".join(f"n{i}={form}\\n" for i, form in enumerate(forms))
pathlib.Path(os.environ["RUNNER_OUTPUT"]).write_text(outputs)
pathlib.Path(os.environ["RUNNER_RESULT_DIR"], "file").write_text(secret)
sys.exit(1)
"""
LOOK = """\
import os, pathlib, re
pid, seen = os.getpid(), []
while pid > 1:
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\\0", b" ").decode()
    found = {}
    for name in ("environ", "mem", "maps"):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                found[name] = "ghs_" in file.read().decode("utf-8", "replace") if name == "environ" else True
        except OSError as error:
            found[name] = error.strerror
    seen.append([words, found])
    pid = int(stat.rpartition(")")[2].split()[1])
import json
pathlib.Path("seen.json").write_text(json.dumps(seen))
pathlib.Path("environ.json").write_text(json.dumps(dict(os.environ)))
"""
QUEUE = {
    "queue_id": "m",
    "on_failure": "continue",
    "jobs": [
        {
            "job_id": "told",
            "command": "exec python3 -I tell.py",
            "secrets": {"GIVEN": "env:CANARY"},
            "result_when": "always",
        },
        {
            "job_id": "late",
            "depends_on": ["told"],
            "always_run": True,
            "when": "${{ jobs.told.outputs.n0 == '' or always() }}",
            "command": "echo ${{ jobs.told.outputs.n0 | q }}; exit 1",
        },
        {"job_id": "looks", "command": "exec python3 -I look.py"},
    ],
}


def merged(world: HostileWorld, files: dict[str, str]) -> int:
    """In a pull request, and merged at once."""
    world.git("checkout", "--quiet", "-b", "topic")
    world.commit("Topic", files)
    world.git("checkout", "--quiet", "main")
    return world.merge(world.squash(world.open_pull(7, "Topic", "topic")))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> HostileWorld:
    made = new_world(tmp_path_factory.mktemp("world"))
    made.commit("Allow", {".github/runner.yaml": CONFIG})
    made.prefix = AS_A_STEP
    files = {"tell.py": TELL, "look.py": LOOK, "queues/m.yaml": json.dumps(QUEUE)}
    assert merged(made, files) == 0
    return made


def seen(world: HostileWorld) -> list[tuple[str, dict[str, object]]]:
    return json.loads((world.checkout / "seen.json").read_text())


class TestToken:
    def test_no_process_above_a_job_shows_it(self, world: HostileWorld) -> None:
        found = seen(world)
        assert [words for words, shown in found if shown["environ"] is True] == []

    def test_the_one_that_has_it_is_closed_altogether(self, world: HostileWorld) -> None:
        """The agent below it is open, so the look would have found something."""
        (shown,) = [shown for words, shown in seen(world) if "github merge" in words]
        assert shown == dict.fromkeys(("environ", "mem", "maps"), "Permission denied")
        (agent,) = [shown for words, shown in seen(world) if "runner.agent" in words]
        assert agent["environ"] is False

    def test_no_shell_with_the_token_stays_above_jobs(self) -> None:
        """It would show it, as the program does not."""
        steps = [
            step
            for path in (ROOT / ".github" / "workflows").glob("*.yaml")
            for job in YAML(typ="safe").load(path)["jobs"].values()
            for step in job.get("steps", ())
            if "GITHUB_TOKEN" in step.get("env", {})
        ]
        ran = [step["run"] for step in steps if re.search(r"github (merge|command|reconcile)$", step["run"])]
        assert len(ran) >= 3
        assert [line for line in ran if not line.startswith("exec ")] == []

    def test_a_job_gets_neither_it_nor_the_files_of_the_step(self, world: HostileWorld) -> None:
        environ = json.loads((world.checkout / "environ.json").read_text())
        assert not any(TOKEN in value for value in environ.values())
        doors = {"GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"}
        assert doors & set(environ) == set()
        assert "GITHUB_REPOSITORY" in environ

    def test_it_is_nowhere(self, world: HostileWorld) -> None:
        for place, content in world.everything().items():
            assert TOKEN.encode() not in content, place


class TestSecret:
    def test_only_the_result_file_has_it(self, world: HostileWorld) -> None:
        """As docs/queue-language.md says of result files; the artifact of the workflow run has them."""
        forms = [
            SECRET.encode(),
            base64.b64encode(SECRET.encode()),
            quote(SECRET, safe="").encode(),
            json.dumps(SECRET).encode()[1:-1],
        ]
        having = {
            place for place, content in world.everything().items() if any(form in content for form in forms)
        }
        assert having
        assert [place for place in having if not re.search(r"jobs/told/1/results/file$", place)] == []

    def test_the_job_had_it_and_its_words_were_masked(self, world: HostileWorld) -> None:
        (run,) = world.runs_here()
        # What is left of base64 is no more than the last bytes, which mix with what may follow.
        log = (run / "jobs/told/1/stdout.log").read_text()
        assert re.fullmatch(r'<\*\*\*>\n<\*\*\*.{0,4}>\n<\*\*\*>\n<"\*\*\*">\n', log)
        assert "<***>" in "".join(world.said(7))

    def test_what_a_job_gets_of_another_is_masked_already(self, world: HostileWorld) -> None:
        (run,) = world.runs_here()
        assert (run / "jobs/late/1/stdout.log").read_text() == "***\n"


ATTEMPT = ("plan.json", "jobs/a/1/stdout.log", "jobs/a/1/summary.md")


@pytest.mark.parametrize(
    ("names", "put"),
    [
        (ATTEMPT, "mkfifo $f"),
        (ATTEMPT, "ln -s /proc/self/environ $f"),
        (["events.jsonl"], "mkfifo $f"),
        (["events.jsonl"], "ln -s /proc/self/environ $f"),
        (["lease"], "mkfifo $f"),
    ],
)
def test_what_a_job_makes_of_the_files_of_its_run_holds_nobody_up_and_shows_nothing(
    tmp_path: Path, names: Sequence[str], put: str
) -> None:
    """Who has the token reads these files, so a link could make it read its own environment."""
    world = new_world(tmp_path)
    world.commit("Allow", {".github/runner.yaml": CONFIG})
    world.prefix = AS_A_STEP
    command = f"for f in {' '.join(names)}; do f=.runner/$RUNNER_RUN_ID/$f; rm -f $f; {put}; done; exit 1"
    queue = {"queue_id": "m", "jobs": [{"job_id": "a", "command": command}]}
    assert merged(world, {"queues/m.yaml": json.dumps(queue)}) in {0, 4}
    for place, content in world.everything().items():
        assert TOKEN.encode() not in content, place
    assert workflow_commands(world.steps[-1].log) == []


def test_a_log_that_can_be_read_no_more_is_the_end_of_its_run(tmp_path: Path) -> None:
    """Nobody waits for more of it, and what was known is shown as it stands."""
    clock = clock_at_start()
    forge = InFiles(tmp_path / "forge", clock).forge
    playing = Playing(failed_log(), clock, tmp_path / "run")
    playing.append(playing.log.events[:3])
    looks = []

    def alive() -> bool:
        looks.append(clock.now())
        if len(looks) == 20:
            path = playing.directory / "events.jsonl"
            path.unlink()
            os.mkfifo(path)
        return True

    watched = Watched(where=playing.directory, target=TARGET, alive=alive)
    (found,) = follow([watched], forge, clock=clock, sleep=clock.sleep)
    assert not found.published
    assert clock.now() - looks[-1] < 60
    assert "its runner is gone" in forge.comments(TARGET.pull)[-1].body
