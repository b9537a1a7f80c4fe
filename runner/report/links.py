"""The links that a report may have: to places that we were told of, around text that stays code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from runner.problems import Location
from runner.report.escaping import code

_URL = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&*+,;=%-]{1,2000}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """`report` is the URL of the whole report, `files` of the tree at the commit that is shown
    (`https://github.com/OWNER/REPO/blob/SHA`), `logs` by job id. What is "" or missing is no link.
    `artifact` is the name of what the workflow run keeps the run's files in, "" where they are at hand.
    `bucket`: the `s3://` URL of a run in the cloud, "" for others.
    """

    report: str = ""
    files: str = ""
    logs: Mapping[str, str] = field(default_factory=dict)
    artifact: str = ""
    bucket: str = ""

    def place(self, location: Location) -> str:
        """`file:line:column`, leading to the line where that is known."""
        shown = code(str(location))
        if not self.files or location.file.startswith(("/", "-", "..")):
            return shown
        anchor = f"#L{location.line}" if location.line else ""
        path = quote(location.file, safe="/", errors="replace")
        return link(shown, f"{self.files.rstrip('/')}/{path}{anchor}")

    def log(self, job_id: str) -> str:
        """A link to the job's log, or ""."""
        url = self.logs.get(job_id, "")
        return link("its log", url) if _URL.fullmatch(url) else ""


def link(words: str, url: str) -> str:
    """Markdown for a link, or `words` alone where the URL could be anything else."""
    return f"[{words}]({url})" if _URL.fullmatch(url) else words
