"""One machine's turn at a run: fetch what jobs need, run them, ship what happens, leave nothing behind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner import events as e
from runner import rules, run_here
from runner.agent.about import About
from runner.agent.first_words import BOOT_LOG, Given, before, booted, launched, requested
from runner.agent.local_log import adopt, say, say_interrupted, say_refused
from runner.agent.patience import Patience, PatientSecrets
from runner.agent.rerun import gone_with_the_machine, unkept_with_the_machine
from runner.agent.restoring import restore
from runner.agent.shipping import Shipper
from runner.agent.state_folder import StateFolder, unpack
from runner.agent.unprivileged import hand_over, prepare
from runner.agent.watching import Interruption
from runner.bundle.order import MachineOrder
from runner.clock import SystemClock
from runner.driving import Here
from runner.errors import INTERRUPTED, OPERATIONAL, SUCCEEDED, NotFoundError, RefusedError, RunnerError
from runner.graph import Graph
from runner.model import Plan
from runner.ports import Secrets
from runner.reports import JSON, MARKDOWN, write_from
from runner.runs.files import evidence
from runner.runs.in_bucket import BucketSource
from runner.runs.reading import read
from runner.state import RunPhase, RunState
from runner.stores.directory import LOG
from runner.stores.s3 import Bucket, S3Store, download

_STATE = re.compile(r"state/(\d{1,9})\.tar\.gz")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """`run` is the run's own place, `root` the account's prefix; `store` has fenced `log`, which is all.

    `metadata`: where this machine's metadata service is. `patience` ends when the machine's work must;
    `last_patience` when the machine itself does.
    """

    run: Bucket
    root: Bucket
    store: S3Store
    log: bytes = field(repr=False)
    given: Given
    plan: Plan
    plan_bytes: bytes = field(repr=False)
    generation: int
    about: About
    metadata: str
    home: Path
    environ: Mapping[str, str] = field(repr=False)
    secrets: Secrets = field(repr=False)
    interruption: Interruption
    patience: Patience
    last_patience: Patience

    @property
    def order(self) -> MachineOrder:
        return self.given.order

    @property
    def run_id(self) -> str:
        return self.run.where.name

    @property
    def directory(self) -> Path:
        return self.home / "runs" / self.run_id

    @property
    def checkout(self) -> Path:
        return self.home / "checkout"

    @property
    def state_directory(self) -> Path:
        return self.checkout / ".runner" / "state" / self.plan.queue.queue_id


class Session:
    """From what the bucket says of the run to a run that is over, or interrupted."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._is_new = adopt(turn.directory, turn.plan_bytes, turn.log)
        self._state_folder = StateFolder(
            turn.state_directory,
            turn.home,
            turn.generation,
            turn.store.put,
            notice=turn.patience.notice,
            clock=turn.patience.clock,
        )
        self._here = Here(
            directory=turn.directory,
            checkout=turn.checkout,
            environ=turn.environ,
            notice=turn.patience.notice,
            interruptible=turn.interruption.attach,
            secrets=PatientSecrets(kept=turn.secrets, patience=turn.patience),
        )

    def work(self) -> int:
        """The exit code: 0 where the run is over, however it went, and all of it is in the bucket."""
        turn = self._turn
        shipper = Shipper(
            turn.directory,
            turn.store,
            offset=len(turn.log),
            on_end=self._shut_out,
            notice=turn.patience.notice,
            at_end=self._state_folder.at_end,
        )
        shipper.start()
        self._state_folder.start()
        unsaid = b""
        try:
            self._run()
        except (RefusedError, NotFoundError) as error:
            turn.patience.notice(error.message)
            say_refused(turn.directory, turn.plan, self._here, error)
        except RunnerError as error:
            turn.patience.notice(error.message)
            unsaid = say_interrupted(turn.directory, error)
        finally:
            self._state_folder.close()
            has_all = shipper.close(max(5.0, turn.last_patience.until - turn.last_patience.clock()))
        if not has_all:
            return OPERATIONAL
        if unsaid:
            turn.store.write(unsaid)
            return INTERRUPTED
        return self._end()

    def _shut_out(self, error: RunnerError) -> None:
        """Another machine has the run, or nothing can be told any more: whatever runs here is for nobody."""
        self._turn.patience.notice(error.message)
        self._turn.interruption.ask(error.message, at_once=True)

    def _run(self) -> None:
        turn = self._turn
        _, state = read(turn.directory)
        if state.phase is RunPhase.FINISHED and turn.order.action != "retry":
            return
        first: list[e.Event] = []
        if not state.seq:
            first.append(requested(turn.run, turn.plan, turn.given, turn.patience))
        if state.instance_id != turn.about.instance_id:
            first += before(turn.order, state)
            first.append(launched(turn.about, turn.order, turn.generation, SystemClock().now()))
            first += booted(turn.run, turn.generation, turn.about, turn.home / BOOT_LOG)
        if first:
            self._say(*first)
        user = str(turn.plan.queue.machine.options.get("user") or "")
        identity = prepare(user, turn.metadata, turn.home) if user else None
        owner = (identity.uid, identity.gid) if identity is not None else None
        restored: frozenset[str] = frozenset()
        if self._is_new or not turn.checkout.is_dir():
            self._fetch_checkout()
            self._say(e.BootPhase(at=SystemClock().now(), name="checkout", text="the checkout is there"))
            restored = turn.patience.ask(
                lambda: restore(BucketSource(turn.run), state, turn.checkout, turn.patience.notice, owner)
            )
        if identity is not None:
            self._state_folder.make()
            hand_over(turn.checkout, identity)
        run_here.take_up(
            replace(self._here, identity=identity),
            _unseen,
            lambda state: self._opened_again(state, restored),
            even_finished=turn.order.action == "retry",
        )
        _, state = read(turn.directory)
        lost_because = self._lost_because(state)
        if lost_because:
            said = e.InstanceLost(
                at=SystemClock().now(), instance_id=turn.about.instance_id, reason=lost_because
            )
            self._say(said)

    def _lost_because(self, state: RunState) -> str:
        """Why another machine has to go on, where this one is taken away; "" where it is not.

        Nobody but a machine that is being shut down sends its agent a signal.
        """
        asked = self._turn.interruption
        if state.phase is not RunPhase.INTERRUPTED or (asked.reason and not asked.machine_is_lost):
            return ""
        return asked.reason or f"this machine is being shut down ({state.interrupted})"

    def _say(self, *events: e.Event) -> None:
        say(self._turn.directory, self._turn.run_id, events)

    def _opened_again(self, state: RunState, restored: frozenset[str]) -> Sequence[e.Event]:
        turn, graph, chosen = self._turn, Graph.of(state.queue), tuple[str, ...]()
        if turn.order.action == "retry":
            run_here.check_known(state, turn.order.job_ids)
            chosen = rules.to_reset(state, graph, turn.order.job_ids)
        keeps = turn.plan.queue.machine.options.get("on_new_machine") == "keep"
        gone = gone_with_the_machine(state, graph, restored, chosen) if self._is_new and not keeps else ()
        unkept = unkept_with_the_machine(state, SystemClock().now()) if self._is_new else ()
        both = {*chosen, *gone}
        if not both:
            return unkept
        job_ids = tuple(job_id for job_id in state.jobs if job_id in both)
        reason = "retry" if chosen else "new machine"
        return (*unkept, e.JobsReset(at=SystemClock().now(), job_ids=job_ids, reason=reason))

    def _fetch_checkout(self) -> None:
        turn = self._turn
        packed = turn.home / "checkout.tar.gz"
        turn.patience.ask(lambda: download(turn.root, turn.order.checkout, packed))
        unpack(packed, turn.checkout, turn.order.checkout_sha256)
        packed.unlink()
        self._state_folder.check(turn.checkout)
        state = self._state_archive()
        if state is not None:
            bucket, name = state
            packed = turn.home / "state.tar.gz"
            turn.patience.ask(lambda: download(bucket, name, packed))
            unpack(packed, turn.state_directory)
            packed.unlink()

    def _state_archive(self) -> tuple[Bucket, str] | None:
        """The newest that this run has kept, else the one that an earlier run of the queue left."""
        turn = self._turn
        listed = turn.patience.ask(lambda: turn.run.names("state/"))
        kept = [found for one in listed if (found := _STATE.fullmatch(one.name))]
        if kept:
            return turn.run, max(kept, key=lambda found: int(found[1]))[0]
        return (turn.root, turn.order.state) if turn.order.state else None

    def _end(self) -> int:
        """The whole log as one object, and the reports, made from what is in the bucket by now."""
        turn = self._turn
        plan, state = read(turn.directory)
        if state.phase is RunPhase.FINISHED:
            log = (turn.directory / LOG).read_bytes()
            turn.last_patience.ask(lambda: turn.store.finish(log))
        began_elsewhere = self._is_new and bool(turn.log)
        where = BucketSource(turn.run) if began_elsewhere else turn.directory
        found = turn.last_patience.ask(lambda: evidence(where, state))
        write_from(turn.directory, plan, state, found, place=str(turn.run.where))
        for name in (JSON, MARKDOWN):
            turn.last_patience.ask(lambda name=name: turn.store.put(name, turn.directory / name))  # type: ignore[misc]
        return SUCCEEDED if state.phase is RunPhase.FINISHED else INTERRUPTED


def _unseen(state: RunState, events: Sequence[e.Event]) -> None:
    """Who wants to know reads the bucket."""
