"""The door of a machine in the cloud: `python -I FOLDER --run URL --generation N --ttl SECONDS`.

Started by the machine's user data, which ends the machine when this ends. The machine that claims the
generation first has the run; another one ends before any job. It knows no forge and no token of one.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from runner import plan as plans
from runner.agent.about import about
from runner.agent.first_words import given
from runner.agent.metadata import ENDPOINT, Metadata
from runner.agent.patience import Patience
from runner.agent.session import Session, Turn
from runner.agent.watching import Interruption, Times, Watch
from runner.clouds.secrets import CloudSecrets
from runner.errors import BUG, SUCCEEDED, NotFoundError, RunIsLiveError, RunnerError
from runner.launching.account import RUNS
from runner.launching.ledger import claim_name, holder, log_generation
from runner.stores.s3 import Bucket, Location, open_bucket, open_store

_RESERVE = 180.0
"""Seconds before the machine's end at which its run must end: for logs and results."""
_LAST = 15.0


def main(argv: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(argv)
    os.umask(0o022)  # the boot's is closer: what jobs write is for whoever they want
    try:
        return serve(asked.run, asked.generation, asked.ttl, Path(asked.home).absolute(), os.environ)
    except RunnerError as error:
        _notice(f"{error.message}; {error.hint}" if error.hint else error.message)
        return error.exit_code
    except Exception:  # noqa: BLE001  the outermost frame: nobody else would say it
        _notice(f"this is a bug in runner\n{traceback.format_exc()}")
        return BUG


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="runner-agent", description="Runs one run on this machine.")
    parser.add_argument("--run", required=True, help="the run's own place: s3://BUCKET/PREFIX/runs/RUN_ID")
    parser.add_argument("--generation", required=True, type=int, help="which launch of the run this is")
    parser.add_argument("--ttl", required=True, type=float, help="seconds until the machine ends itself")
    parser.add_argument("--home", required=True, help="a folder of this machine for everything of the run")
    return parser


def serve(url: str, generation: int, ttl: float, home: Path, environ: Mapping[str, str]) -> int:
    """One turn at the run, from the claim to the reports. Raises RunnerError."""
    end = time.monotonic() + ttl
    reserve = min(_RESERVE, ttl / 4)
    patience = Patience(until=end - reserve, notice=_notice)
    endpoint = environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or ENDPOINT
    metadata = Metadata(endpoint)
    this = patience.ask(lambda: about(metadata))
    run = open_bucket(url)
    what = patience.ask(lambda: given(run, generation))
    store = open_store(
        run,
        generation=log_generation(generation),
        claim=claim_name(generation),
        name=this.instance_id,
        since=what.since,
    )
    try:
        patience.ask(lambda: store.lease(holder(this.instance_id)))
    except RunIsLiveError:
        _notice(f"another machine has generation {generation} of {run.where.name}")
        return SUCCEEDED
    log = patience.ask(store.fence)
    plan = patience.ask(lambda: _needed(run, "plan.json"))
    interruption = Interruption()
    session = Session(
        Turn(
            run=run,
            root=_root(run),
            store=store,
            log=log,
            given=what,
            plan=plans.from_json(plan),
            plan_bytes=plan,
            generation=generation,
            about=this,
            metadata=endpoint,
            home=home,
            environ=_for_jobs(environ),
            secrets=CloudSecrets(),
            interruption=interruption,
            patience=patience,
            last_patience=Patience(until=end - _LAST, notice=_notice),
        )
    )
    times = Times(end=end, reserve=reserve)
    watch = Watch(interruption, times, metadata, notice=_notice)
    watch.start()
    signal.signal(signal.SIGTERM, partial(_shut_down, interruption))
    try:
        return session.work()
    finally:
        watch.close()


def _shut_down(interruption: Interruption, *_: object) -> None:
    """No job starts any more, and what is to be kept is still sent: the end of a machine waits for that.

    While jobs run the run hears it by itself. In a thread: a handler must not wait for what it interrupts.
    """
    interruption.machine_is_lost = True
    threading.Thread(target=interruption.ask, args=("this machine is being shut down",)).start()


def _needed(run: Bucket, name: str) -> bytes:
    found = run.get(name)
    if found is None:
        raise NotFoundError(f"there is no {run.where.below(name)}", hint="launch the run again")
    return found.body


def _root(run: Bucket) -> Bucket:
    """The account's prefix: bundles are beside `runs/`."""
    prefix = run.where.prefix.removesuffix(run.where.name).rstrip("/").removesuffix(RUNS).rstrip("/")
    return Bucket(run.client, Location(bucket=run.where.bucket, prefix=prefix))


def _for_jobs(environ: Mapping[str, str]) -> dict[str, str]:
    """What a login would have, where a boot has not; the boot's own plain locale is not for jobs."""
    usual = {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(Path("~").expanduser()),
        "LANG": "C.UTF-8",
    }
    return usual | {name: value for name, value in environ.items() if name != "LC_ALL"}


def _notice(sentence: str) -> None:
    """To whoever reads the boot's log. Its disk may be full, which ends nobody."""
    with contextlib.suppress(OSError):
        os.write(2, f"runner-agent {time.time():.0f}: {sentence}\n".encode(errors="replace"))


if __name__ == "__main__":
    sys.exit(main())
