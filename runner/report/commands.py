"""What a reader types to go on, in a shell or in a comment of the pull request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """`name` is how the program is called where the reader is."""

    name: str = "runner"

    def retry(self, run_id: str, *job_ids: str) -> str:
        return " ".join((self.name, "retry", run_id, *job_ids))

    def resume(self, run_id: str) -> str:
        return f"{self.name} resume {run_id}"

    def run(self, digest: str) -> str:
        return f"{self.name} run {digest}"

    def cancel(self, run_id: str) -> str:
        return f"{self.name} cancel {run_id}"

    def logs(self, run_id: str, job_id: str) -> str:
        return f"{self.name} logs {run_id} {job_id}"


SHELL = Commands()
COMMENT = Commands(name="/runner")
