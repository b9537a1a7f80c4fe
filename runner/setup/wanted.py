"""What belongs into a repository with the loop: every file that `init` writes, as it should be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from runner import __version__, config, resources
from runner.setup import marks
from runner.setup.source import Source

WORKFLOWS = ("plan", "comment", "merge", "command", "reconcile")
CLOUD = "cloud"
"""The one that speaks to AWS: only where the settings name a role for it."""
QUEUE = "queues/hello.yaml"
_PLAIN = re.compile(
    r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[A-Za-z][A-Za-z0-9._/-]*", re.ASCII | re.IGNORECASE
)
"""What is the same text in every YAML without quotes."""
_SCHEMA_LINE = re.compile(r"\A# yaml-language-server: \$schema=.*\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`yours`: a start that people are meant to change; once it is there and changed, it is theirs."""

    path: str
    text: str
    yours: bool = False


def caller(workflow: str) -> str:
    """The path of the file that calls a workflow of ours."""
    return f".github/workflows/runner-{workflow}.yaml"


def wanted(source: Source, branch: str, *, example: bool, cloud: bool = False) -> Iterator[Wanted]:
    """The files of a repository whose default branch is `branch`.

    `example`: with the example queue. `cloud`: with the workflow that launches machines.
    """
    for workflow in (*WORKFLOWS, CLOUD) if cloud else WORKFLOWS:
        yield Wanted(path=caller(workflow), text=_marked(_caller(workflow, source, branch)))
    settings = _read("templates", "init/runner.yaml").replace(
        "__CONFIG_SCHEMA__", source.file("schemas/config.schema.json")
    )
    yield Wanted(path=config.PLACE, text=_marked(settings), yours=True)
    if example:
        yield Wanted(path=QUEUE, text=_marked(_queue(source)), yours=True)


def _caller(workflow: str, source: Source, branch: str) -> str:
    text = _read("templates", f"init/workflows/runner-{workflow}.yaml")
    fields = {
        "__SOURCE__": source.repository,
        "__COMMIT__": source.commit,
        "__VERSION__": f" # {source.version}" if source.version else "",
        "__BRANCH__": _branch(branch),
    }
    for name, value in fields.items():
        text = text.replace(name, value)
    return text


def _branch(name: str) -> str:
    """A branch as a filter of `on:`, which takes `+` and a first `!` for patterns; git forbids the others."""
    if _PLAIN.fullmatch(name):
        return name
    escaped = re.sub(r"[+]|^!", lambda match: "\\" + match[0], name)
    return json.dumps(escaped, ensure_ascii=False)


def _queue(source: Source) -> str:
    line = f"# yaml-language-server: $schema={source.file('schemas/queue.schema.json')}\n"
    text, found = _SCHEMA_LINE.subn(lambda _: line, _read("queues", PurePosixPath(QUEUE).name))
    assert found  # noqa: S101  our own file
    return text


def _read(kind: str, name: str) -> str:
    return resources.path(kind, name).read_text(encoding="utf-8")


def _marked(text: str) -> str:
    return marks.marked(text, __version__)
