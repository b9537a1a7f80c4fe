"""What a reader types to go on, in a shell or in a comment of the pull request."""

from __future__ import annotations

from dataclasses import dataclass

from runner.report.escaping import code, fence


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """`name` is how the program is called where the reader is: in a shell, or in a comment.

    `place`: how a run is named there if not by its id, as one in a bucket.
    """

    name: str = "runner"
    in_a_comment: bool = False
    place: str = ""

    def asked_for(self, what: str, command: str) -> str:
        """Markdown with the command; of a comment it stands alone, in a block that can be copied as it is."""
        if self.in_a_comment:
            return f"To {what}, comment on this pull request:\n\n{fence(command)}"
        return f"{what[0].upper()}{what[1:]}: {code(command)}"

    def retry(self, run_id: str, *job_ids: str) -> str:
        return " ".join((self.name, "retry", self.place or run_id, *job_ids))

    def resume(self, run_id: str) -> str:
        return f"{self.name} resume {self.place or run_id}"

    def run(self, digest: str) -> str:
        return f"{self.name} run {digest}"

    def cancel(self, run_id: str) -> str:
        return f"{self.name} cancel {self.place or run_id}"

    def logs(self, run_id: str, job_id: str) -> str:
        return f"{self.name} logs {self.place or run_id} {job_id}"


SHELL = Commands()
COMMENT = Commands(name="/runner", in_a_comment=True)
