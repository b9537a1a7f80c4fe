"""What would run twice if its machine were lost: finished jobs that left nothing, and that others need."""

from __future__ import annotations

from runner.graph import Graph
from runner.model import Queue


def runs_again(queue: Queue, graph: Graph) -> tuple[str, ...]:
    """Jobs without declared results that others depend on, in the order of the file; none where the queue
    keeps what is finished (`on_new_machine: keep`), or has no machine to lose.
    """
    machine = queue.machine
    if machine.provider != "ec2" or machine.options.get("on_new_machine") == "keep":
        return ()
    needed = {i for dependencies in graph.dependencies for i in dependencies}
    return tuple(job.job_id for i, job in enumerate(queue.jobs) if i in needed and not job.result_files)
