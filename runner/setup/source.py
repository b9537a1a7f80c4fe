"""Where the reusable workflows come from: a repository at one commit, which `init` pins in every caller."""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from runner import __version__
from runner.errors import UsageError
from runner.problems import shorten
from runner.setup import git

DISTRIBUTION = "queue-runner"
_REPOSITORY = r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/(?!\.{1,2}(?:$|@))[A-Za-z0-9._-]{1,100}"
_GITHUB = ("github.com", "www.github.com", "ssh.github.com")
_SOURCE = re.compile(rf"(?P<repository>{_REPOSITORY})@(?P<commit>[0-9a-f]{{40}})", re.ASCII)
_CALLED = re.compile(
    rf"^ +uses: ({_REPOSITORY})/\.github/workflows/[a-z]+\.yaml@([0-9a-f]{{40}})(?: # (\S+))?$",
    re.ASCII | re.MULTILINE,
)
_ADDRESS = re.compile(
    rf"(?:https://(?:[^@/]+@)?github\.com/|ssh://git@github\.com/|git@github\.com:)({_REPOSITORY}?)(?:\.git)?/?",
    re.ASCII,
)
_EXAMPLE = (
    "--source OWNER/REPO@SHA names the repository of runner, not yours, and the id of a commit there; the id "
    "must have all 40 digits: git ls-remote https://github.com/OWNER/REPO"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """`version` is that of the program at `commit`, "" where nobody said."""

    repository: str
    commit: str
    version: str = ""

    def file(self, path: str) -> str:
        """The address of a file there, for editors."""
        return f"https://raw.githubusercontent.com/{self.repository}/{self.commit}/{path}"


def parse(text: str) -> Source:
    """`OWNER/REPO@SHA`. Raises UsageError: a tag or a branch can be moved, so only a commit will do."""
    match = _SOURCE.fullmatch(text)
    if match is None:
        raise UsageError(f"{shorten(text)} is not a repository at a commit", hint=_EXAMPLE)
    return Source(repository=match["repository"], commit=match["commit"])


def github_repository(address: str) -> str:
    """OWNER/REPO of a git address on github.com, "" of any other."""
    match = _ADDRESS.fullmatch(address.strip())
    return match[1] if match else ""


def is_elsewhere(address: str) -> bool:
    """Whether a git address names a server of its own, and not github.com or a company's part of it."""
    host = host_of(address)
    return bool(host) and host not in _GITHUB and not host.endswith(".ghe.com")


def host_of(address: str) -> str:
    """The server that a git address names, without what stands before an `@`; "" for a folder."""
    if address.startswith(("/", ".", "file:")) or ":" not in address:
        return ""
    return (urlsplit(address).hostname or address.partition(":")[0].rpartition("@")[2]).lower()


def installed() -> Source:
    """Where this program was installed from. Raises UsageError where that is not a commit on GitHub."""
    try:
        text = importlib.metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
    except importlib.metadata.PackageNotFoundError:
        text = None
    return from_record(text or "{}")


def of_callers(texts: Iterable[str]) -> Source | None:
    """The one that workflows written before call; None where they call none, or not all the same one."""
    found = {match.groups(default="") for text in texts for match in _CALLED.finditer(text)}
    if len(found) != 1:
        return None
    repository, commit, version = found.pop()
    return Source(repository=repository, commit=commit, version=version)


def from_record(text: str) -> Source:
    """The source in `direct_url.json`, which installers write for what they took from git or a folder."""
    record = json.loads(text)
    url, vcs = str(record.get("url", "")), record.get("vcs_info")
    found = _from_vcs(url, vcs) if vcs else _from_folder(url)
    if found is None:
        raise UsageError("it is not known which commit of which repository this program is", hint=_EXAMPLE)
    return found


def _from_vcs(url: str, vcs: Mapping[str, Any]) -> Source | None:
    repository, commit = github_repository(url), str(vcs.get("commit_id", ""))
    return _checked(f"{repository}@{commit}")


def _from_folder(url: str) -> Source | None:
    """A checkout: its commit, if that is on GitHub, where alone Actions finds it."""
    parts = urlsplit(url)
    folder = Path(unquote(parts.path))
    if parts.scheme != "file" or not folder.is_dir():
        return None
    repository = github_repository(git.ask(folder, "remote", "get-url", "origin"))
    commit = git.ask(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if not repository or not commit:
        return None
    if not git.ask(folder, "branch", "--remotes", "--contains", commit, "--list", "origin/*"):
        raise UsageError(
            f"this program is a checkout of {repository} at {commit[:12]}, which is not pushed",
            hint=f"push it, or name a commit that is on GitHub: {_EXAMPLE}",
        )
    return _checked(f"{repository}@{commit}")


def _checked(text: str) -> Source | None:
    match = _SOURCE.fullmatch(text)
    if match is None:
        return None
    return Source(repository=match["repository"], commit=match["commit"], version=__version__)
