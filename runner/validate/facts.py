"""What the rules look at: the rendered tree, its jobs under canonical names, and what surrounds the file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from runner import canonical
from runner.canonical.handlers import spared
from runner.canonical.machine import machine_of
from runner.model import Machine
from runner.problems import Problem, Route

ON_A_MACHINE = frozenset({"PATH", "HOME", "LANG", "AWS_REGION", "AWS_DEFAULT_REGION"})
"""What the environment has on a machine that was launched: what a login would, and where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Limits of the repository. None: no limit of this kind. `*` in a pattern matches anything.

    `max_ttl` in seconds, `max_disk` in bytes, `max_cost` in US dollars.
    """

    providers: tuple[str, ...] | None = None
    machine_types: tuple[str, ...] | None = None
    max_ttl: float | None = None
    max_disk: int | None = None
    max_cost: float | None = None
    secrets: tuple[str, ...] | None = None
    amis: tuple[str, ...] | None = None
    subnets: tuple[str, ...] | None = None
    regions: tuple[str, ...] | None = None
    instance_profiles: tuple[str, ...] | None = None
    require_user: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What surrounds a file. `machine` is the configured one, `environ` the runner's own environment.

    `account`: which fields of `aws` the configuration sets. `here`: the queue is about to run on this
    machine, whichever it asks for. `region`: the configured one. `offered`: region → the types that a price
    is known of there; it is asked only for a queue that a machine is launched for.
    """

    policy: Policy = field(default_factory=Policy)
    machine: Mapping[str, Any] = field(default_factory=dict)
    has_aws: bool = False
    account: frozenset[str] = frozenset()
    region: str = ""
    offered: Callable[[], Mapping[str, Collection[str]]] = field(default=dict, repr=False)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    here: bool = False


class JobAt(NamedTuple):
    """A job where it stands, counted from 0: `own` as written, `fields` the same under canonical names."""

    number: int
    job_id: str
    own: Mapping[str, Any]
    fields: Mapping[str, Any]

    def route(self, name: str, *more: str | int) -> Route:
        """To the value of a field, in the spelling of the file."""
        return ("jobs", self.number, canonical.written(self.own, name), *more)


class Facts:
    """One queue file for all rules. The tree follows the schema: where it did not, at `broken`, parts were
    left out."""

    def __init__(
        self,
        tree: Mapping[str, Any],
        around: Around,
        deferred: Mapping[Route, frozenset[str]],
        broken: Iterable[Route] = (),
    ) -> None:
        self.tree = tree
        self.around = around
        self.deferred = deferred
        self.has_whole_machine = not any(route[:1] == ("machine",) for route in broken)
        self.fields = canonical.renamed(tree, canonical.QUEUE_ALIASES)
        self.defaults: Mapping[str, Any] = canonical.job(self.fields.get("defaults") or {})
        self.jobs = [
            JobAt(number, str(job.get("job_id", "")), job, canonical.job(job))
            for number, job in enumerate(self.fields.get("jobs") or ())
            if isinstance(job, Mapping)
        ]

    def route(self, name: str, *more: str | int) -> Route:
        """To the value of a field of the queue, in the spelling of the file."""
        return (canonical.written_in_queue(self.tree, name), *more)

    def in_defaults(self, name: str, *more: str | int) -> Route:
        return ("defaults", canonical.written(self.tree.get("defaults") or {}, name), *more)

    def value(self, job: JobAt, name: str) -> Any:
        """A field of a job, or the default for it."""
        return job.fields.get(name, self.defaults.get(name))

    @cached_property
    def machine(self) -> Machine:
        return machine_of(self.fields, self.around.machine)

    @property
    def launches(self) -> bool:
        """Whether a machine is launched for the queue."""
        return self.machine.provider == "ec2" and not self.around.here

    @property
    def environ(self) -> Collection[str]:
        """The names that the environment has where jobs run."""
        return ON_A_MACHINE if self.launches else self.around.environ

    @cached_property
    def by_id(self) -> dict[str, JobAt]:
        """The first job of each id."""
        return {job.job_id: job for job in reversed(self.jobs) if job.job_id}

    @cached_property
    def duplicated(self) -> frozenset[str]:
        """Ids of several jobs: who means which of them cannot be told."""
        return frozenset(job.job_id for job in self.jobs if self.by_id.get(job.job_id, job) is not job)

    @cached_property
    def handlers(self) -> dict[str, str]:
        """Job id → the handler it names, by itself or by `defaults`. Only handlers that exist."""
        default = self.defaults.get("on_failure")
        exempt = spared([job.own for job in self.jobs if job.job_id], default)
        found = {}
        for job in self.jobs:
            handler = job.fields.get("on_failure") or (None if job.job_id in exempt else default)
            if job.job_id and handler in self.by_id:
                found[job.job_id] = handler
        return found


def environments(facts: Facts) -> Iterator[tuple[JobAt | None, Mapping[str, Any]]]:
    """That of `defaults` (without a job), then those of the jobs."""
    default = facts.defaults.get("environment")
    if default:
        yield None, default
    for job in facts.jobs:
        own = job.fields.get("environment")
        if own:
            yield job, own


def environment_route(facts: Facts, job: JobAt | None, name: str) -> Route:
    return facts.in_defaults("environment", name) if job is None else job.route("environment", name)


Rule = Callable[[Facts], Iterable[Problem]]


def depends_on(job: JobAt) -> Sequence[str]:
    """As written: with names that do not exist, and twice where it says so twice."""
    given = job.fields.get("depends_on")
    return given if isinstance(given, list) else ()


def is_expression(value: Any) -> bool:
    """Whether a text waits for a value (of a param without one, of the run): rules cannot judge it yet."""
    return isinstance(value, str) and "${{" in value
