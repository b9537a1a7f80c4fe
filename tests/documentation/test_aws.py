"""docs/aws.md speaks of the template as it is: parameters, statements, outputs, resources."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "aws.md").read_text(encoding="utf-8")
TEMPLATE = (ROOT / "templates" / "aws" / "runner.yaml").read_text(encoding="utf-8")


def section(name: str) -> str:
    """One of the template's top-level mappings."""
    return re.split(r"^\w+:", TEMPLATE.partition(f"\n{name}:\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def names(name: str) -> set[str]:
    return set(re.findall(r"^  (\w+):", section(name), re.MULTILINE))


def words(text: str) -> set[str]:
    return {word for span in re.findall(r"`[^`]+`", text) for word in re.findall(r"\w+", span)}


def first_column(heading: str) -> str:
    return "\n".join(line.split("|")[1] for line in table(heading).splitlines())


def table(heading: str) -> str:
    found = PAGE.partition(f" {heading}\n")[2]
    return "\n".join(
        line for line in re.split(r"^#", found, flags=re.MULTILINE)[0].splitlines() if "|" in line
    )


def test_every_parameter_is_explained() -> None:
    assert names("Parameters") - words(table("Parameters")) == set()


def test_no_other_parameter_is_given() -> None:
    given = set(re.findall(r"\b([A-Z][a-z]\w*)=", re.sub(r"\?OutputKey==", "", PAGE)))
    assert given - names("Parameters") == set()
    assert {"Repository", "RepositoryId", "Subject", "Workflows", "ProviderArn"} <= given


def test_every_right_is_explained_under_the_role_that_has_it() -> None:
    roles = section("Resources")
    workflow = roles.partition("\n  Role:\n")[2].partition("\n  InstanceRole:\n")[0]
    machine = roles.partition("\n  InstanceRole:\n")[2]
    trust = {"TheWorkflowOfTheDefaultBranch"}
    for granted, heading in ((workflow, "What the workflow may do"), (machine, "What a machine may do")):
        sids = set(re.findall(r"- Sid: (\w+)", granted)) - trust
        explained = words(first_column(heading))
        assert explained == sids


def test_the_outputs_it_names_are_there() -> None:
    assert set(re.findall(r"OutputKey=='(\w+)'", PAGE)) | {"Provider"} <= names("Outputs")


def test_what_is_to_be_typed_is_whole() -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(blocks) > 6
    done = subprocess.run(
        ["bash", "-n"], input="\n".join(blocks), text=True, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("said", "written"), [("None", ""), ("aws:\n  region: here\n", "aws:\n  region: here\n")]
)
def test_settings_that_no_stack_says_are_not_written(tmp_path: Path, said: str, written: str) -> None:
    """A stack that was rolled back has no outputs, for which `--output text` says None."""
    (block,) = re.findall(r"^```sh\n(settings=.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / ".github").mkdir()
    settings = tmp_path / ".github" / "runner.yaml"
    settings.touch()
    doubles = 'aws() { printf "%s\\n" "$SAID"; }; runner() { test "$1" = validate; }\n'
    done = subprocess.run(
        ["bash", "-c", doubles + block], cwd=tmp_path, env={"SAID": said}, capture_output=True, check=False
    )
    assert settings.read_text() == written
    assert (done.returncode == 0) is bool(written)


def test_what_workflow_may_launch_is_found_in_its_caller() -> None:
    """The command of the page, on the file that `runner init` writes."""
    caller = (ROOT / "templates" / "init" / "workflows" / "runner-cloud.yaml").read_text(encoding="utf-8")
    commit = "c" * 40
    for place, value in (("SOURCE", "acme/runner"), ("COMMIT", commit), ("VERSION", " # v1.0.0")):
        caller = caller.replace(f"__{place}__", value)
    (expression,) = re.findall(r"workflow=\$\(sed -n '(.*)' \.github", PAGE)
    done = subprocess.run(["sed", "-n", expression], input=caller, text=True, capture_output=True, check=True)
    assert done.stdout == f"acme/runner/.github/workflows/cloud.yaml@{commit}\n"


def test_defaults_are_those_of_the_template() -> None:
    for name in ("InstanceTypes", "Secrets", "Prefix", "RunDays", "BundleDays", "Branch"):
        found = re.search(
            rf"^  {name}:\n(?:    .*\n)*?    Default: (.*)$", section("Parameters"), re.MULTILINE
        )
        assert found is not None, name
        row = next(line for line in table("Parameters").splitlines() if f"`{name}`" in line.split("|")[1])
        assert found[1].strip('"') in row.rpartition(" | ")[2], name


def test_what_is_not_found_is_no_empty_parameter() -> None:
    """`Workflows=""` would let in every workflow of the branch, and `Subject=""` perhaps another branch."""
    deploy, *_ = re.findall(r"^aws cloudformation deploy .*?\n```", PAGE, re.MULTILINE | re.DOTALL)
    for name in ("subject", "workflow", "template"):
        assert re.search(rf"\$\{{{name}:\?[^}}]+\}}", deploy), name
    done = subprocess.run(
        ["bash", "-c", deploy.removesuffix("```")], env={}, capture_output=True, check=False
    )
    assert done.returncode != 0
    assert b"template: this python has no runner" in done.stderr
