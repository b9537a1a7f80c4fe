"""`init`: look at everything, decide about everything, then write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner import checkout, config
from runner.errors import UsageError
from runner.prepare import discover
from runner.setup import lines, writing
from runner.setup.compare import WRITING, Deed, Step, step
from runner.setup.source import Source, of_callers
from runner.setup.wanted import CLOUD, QUEUE, WORKFLOWS, caller, wanted

GITIGNORE = ".gitignore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`root` is the top of a git repository, `branch` its default one; `owner` is "" while nobody said.

    `cloud`: with the workflow that launches machines, even where the settings name no role for it yet.
    """

    root: Path
    source: Source
    branch: str
    owner: str = ""
    force: bool = False
    cloud: bool = False


def top(folder: Path) -> Path:
    """The repository that `folder` is in. Raises UsageError where it is in none."""
    found = checkout.find(folder)
    if not (found / ".git").exists():
        raise UsageError(f"{found} is not in a git repository", hint="make it one: git init -b main")
    return found


def source_before(root: Path) -> Source | None:
    """What the workflows that are there call, where they agree."""
    return of_callers(_text(writing.read(root, caller(workflow))) for workflow in (*WORKFLOWS, CLOUD))


def steps(request: Request) -> list[Step]:
    """What to do about each file. Nothing is written, and RefusedError is raised before anything is."""
    root = request.root
    settings, _ = config.read(root)
    example = writing.read(root, QUEUE) is not None or not discover([], settings, root)
    cloud = request.cloud or bool(settings.account.role) or writing.read(root, caller(CLOUD)) is not None
    files = wanted(request.source, request.branch, example=example, cloud=cloud)
    found = [step(writing.read(root, file.path), file, force=request.force) for file in files]
    return [*found, *_lines(request)]


def carry_out(root: Path, found: Sequence[Step]) -> None:
    """Write what is to be written. Done again after an interruption, it goes on where it stopped."""
    for one in found:
        if one.deed in WRITING and one.content is not None:
            writing.write(root, one.path, one.content)


def codeowners(root: Path) -> str:
    """The CODEOWNERS that counts, or where it is to be."""
    there = [name for name in lines.CODEOWNERS if writing.read(root, name) is not None]
    return next(iter(there), lines.CODEOWNERS[0])


def _lines(request: Request) -> Iterator[Step]:
    name = codeowners(request.root)
    before = writing.read(request.root, name)
    text = lines.with_owners(_text(before), request.owner)
    unowned = lines.unowned(text)
    note = f"nobody owns {' and '.join(unowned)} yet" if unowned else ""
    if request.owner and text == _text(before) and request.owner not in text.split():
        note = f"it has other owners already, so {request.owner} is not written: change it by hand"
    yield _line_step(name, before, text, note)
    before = writing.read(request.root, GITIGNORE)
    yield _line_step(GITIGNORE, before, lines.with_ignored(_text(before)), "")


def _line_step(name: str, before: bytes | None, after: str, note: str) -> Step:
    content = after.encode("utf-8", "surrogateescape")
    if content == before:
        return Step(path=name, deed=Deed.KEEP, note=note)
    return Step(path=name, deed=Deed.WRITE if before is None else Deed.ADD, content=content, note=note)


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", "surrogateescape")
