"""The queue templates that come with the program: valid as they are, and doing what they say."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runner import document

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
TEMPLATES = {path.stem: path for path in sorted((ROOT / "templates/queues").glob("*.yaml"))}


@dataclass(frozen=True)
class Ran:
    """A run that has ended: its exit code, each job's outcome, and its directory."""

    code: int
    outcomes: dict[str, str]
    directory: Path
    errors: str

    def stdout(self, job: str) -> str:
        return (self.directory / "jobs" / job / "1/stdout.log").read_text()

    def result(self, job: str, name: str) -> str:
        return (self.directory / "jobs" / job / "1/results" / name).read_text()


def runner(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-c",
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from runner.cli import main; main()",
    ]
    return subprocess.run([*command, *arguments], cwd=folder, capture_output=True, text=True, check=False)


def run(folder: Path, text: str) -> Ran:
    (folder / "queue.yaml").write_text(text)
    done = runner("run", "queue.yaml", "--run-dir", "run", folder=folder)
    outcomes: dict[str, str] = {}
    events = folder / "run/events.jsonl"
    for line in events.read_text().splitlines() if events.exists() else ():
        event = json.loads(line)
        if event["type"] == "job_finished":
            outcomes[event["job_id"]] = event["outcome"]
        elif event["type"] == "job_skipped":
            outcomes[event["job_id"]] = "skipped"
    return Ran(done.returncode, outcomes, folder / "run", done.stderr)


def using(name: str, **params: Any) -> str:
    return json.dumps({"template": name, "with": params})


def test_there_are_five() -> None:
    assert set(TEMPLATES) == {"ci-cd", "data-processing", "etl", "ml-pipeline", "simple-sequential"}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_is_valid_as_it_is_without_a_warning(name: str, tmp_path: Path) -> None:
    done = runner("validate", "--strict", str(TEMPLATES[name]), folder=tmp_path)
    assert (done.returncode, done.stdout + done.stderr) == (0, "1 file checked: no problems\n")


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_says_what_it_is_for_and_how_to_use_it(name: str) -> None:
    comment = TEMPLATES[name].read_text().split("queue_name:")[0]
    first = comment.splitlines()[0]
    assert first.startswith("# ")
    assert first.endswith(".")
    assert len(first) <= 90
    assert f"template: {name}\n" in comment
    assert f"runner template new {name}\n" in comment


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_param_has_a_description_and_a_default(name: str) -> None:
    parsed = document.parse(TEMPLATES[name].read_bytes(), name)
    assert isinstance(parsed, document.Document)
    params = parsed.tree["params"]
    assert params
    assert [
        param for param, rule in params.items() if not {"description", "default", "type"} <= set(rule)
    ] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_runs_as_it_is(name: str, tmp_path: Path) -> None:
    ran = run(tmp_path, using(name))
    assert ran.code == 0, ran.errors
    assert set(ran.outcomes.values()) <= {"succeeded", "skipped"}


def test_simple_sequential_takes_any_command(tmp_path: Path) -> None:
    awkward = """printf '%s' "it's \\"quoted\\" $((1+2)) `echo x`" > "$SCRATCH/x" && false || true"""
    ran = run(
        tmp_path, using("simple-sequential", prepare=awkward, work='cp "$SCRATCH/x" "$RUNNER_RESULT_DIR/"')
    )
    assert ran.code == 0, ran.errors
    assert ran.result("work", "x") == 'it\'s "quoted" 3 x'


def test_simple_sequential_cleans_up_after_a_failure(tmp_path: Path) -> None:
    ran = run(tmp_path, using("simple-sequential", prepare='echo "$SCRATCH"', work="exit 3", retries=0))
    assert ran.code == 1
    assert ran.outcomes == {
        "prepare": "succeeded",
        "work": "failed",
        "finish": "skipped",
        "cleanup": "succeeded",
    }
    assert not Path(ran.stdout("prepare").strip()).exists()


def test_etl_sums_up_a_given_table(tmp_path: Path) -> None:
    (tmp_path / "the orders.csv").write_text("id,customer,amount\n1,a,1.50\n2,b,2\n3,a,0.25\n")
    ran = run(
        tmp_path, using("etl", source="the orders.csv", min_rows=3, destination="ware house", retries=0)
    )
    assert ran.code == 0, ran.errors
    assert (
        tmp_path / "ware house/customers.csv"
    ).read_text() == "customer,orders,amount\na,2,1.75\nb,1,2.00\n"


@pytest.mark.parametrize("table", ["id,customer,amount\n1,a,1\n", "id,customer,amount\n" + "1,a,none\n" * 20])
def test_etl_refuses_a_broken_table(table: str, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(table)
    ran = run(tmp_path, using("etl", source="orders.csv", destination="out", retries=0))
    assert ran.code == 1
    assert (ran.outcomes["check"], ran.outcomes["load"], ran.outcomes["report"]) == (
        "failed",
        "skipped",
        "succeeded",
    )
    assert not (tmp_path / "out").exists()


def test_data_processing_takes_the_parts_together(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("".join(f"{n}\n" for n in range(1, 11)))
    sums = "awk '{ n += $1 } END { print n + 0 }'"
    ran = run(tmp_path, using("data-processing", input="log", process=sums, merge=sums, workers=2))
    assert ran.code == 0, ran.errors
    assert ran.result("merge", "result") == "55\n"
    assert ran.stdout("report") == "10 lines in, 1 lines out\n"


def test_ml_pipeline_publishes_only_what_is_good_enough(tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.mkdir()
    bad.mkdir()
    assert run(good, using("ml-pipeline", registry="models")).outcomes["publish"] == "succeeded"
    assert "slope=" in next((good / "models").iterdir()).read_text()
    ran = run(bad, using("ml-pipeline", registry="models", max_error=0.0001))
    assert (ran.code, ran.outcomes["publish"]) == (0, "skipped")
    assert not (bad / "models").exists()


def test_ci_cd_deploys_only_on_request(tmp_path: Path) -> None:
    ran = run(tmp_path, using("ci-cd", deploy=True, target="production"))
    assert ran.code == 0, ran.errors
    assert ran.outcomes["rollback"] == "skipped"
    assert ran.stdout("deploy").endswith("package.tar.gz to production\n")


def test_ci_cd_rolls_back_what_does_not_work(tmp_path: Path) -> None:
    ran = run(tmp_path, using("ci-cd", deploy=True, deploy_command="exit 4"))
    assert ran.code == 1
    assert (ran.outcomes["deploy"], ran.outcomes["smoke-test"]) == ("failed", "skipped")
    assert ran.outcomes["rollback"] == "succeeded"


def test_ci_cd_packages_nothing_that_fails_its_tests(tmp_path: Path) -> None:
    ran = run(tmp_path, using("ci-cd", test="exit 1", test_retries=0))
    assert (ran.code, ran.outcomes["test"], ran.outcomes["package"]) == (1, "failed", "skipped")


def test_a_job_can_be_laid_over_and_another_added(tmp_path: Path) -> None:
    own = {
        "job_id": "transform",
        "command": 'cd "$RUNNER_RESULT_DIR"; echo mine > t; echo "table=$PWD/t" >> "$RUNNER_OUTPUT"',
    }
    more = {
        "job_id": "look",
        "command": "cat ${{ jobs['transform'].outputs.table | q }}",
        "depends_on": ["transform"],
    }
    ran = run(tmp_path, json.dumps({"template": "etl", "jobs": [own, more]}))
    assert ran.code == 0, ran.errors
    assert ran.stdout("look") == "mine\n"
