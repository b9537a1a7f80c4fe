"""A run's machine, from the request to the instance: carries out the steps, decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from runner.errors import CloudError
from runner.launching.attempts import Attempt
from runner.launching.ledger import Ledger, claimed_by, encode, record_name, records
from runner.launching.naming import Purpose, search_tags, tags_of, token
from runner.launching.steps import Ask, Done, Fail, Look, Put, Seen, Wanted, heard, looked, next_step
from runner.ports import Cloud, Image, Instance, LaunchRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """The machine of a generation. `instance` None: it has claimed the run, and the cloud was not asked.

    It may have ended since: `instance.is_gone`. Then the generation is over, and a new one may go on.
    """

    instance_id: str
    instance: Instance | None = None


def requests_of(
    purpose: Purpose,
    attempts: Sequence[Attempt],
    *,
    image: Image,
    disk: int,
    security_group: str,
    instance_profile: str,
    user_data: str,
) -> list[LaunchRequest]:
    """The request of each launch, should the ones before it give nothing. `disk` in GiB."""
    return [
        LaunchRequest(
            token=token(purpose, number),
            image=image.id,
            root_device=image.root_device,
            type=attempt.type,
            disk=disk,
            spot=attempt.spot,
            subnet=attempt.subnet,
            security_group=security_group,
            instance_profile=instance_profile,
            user_data=user_data,
            tags=tags_of(purpose, number),
        )
        for number, attempt in enumerate(attempts, 1)
    ]


def launch(
    purpose: Purpose,
    requests: Sequence[LaunchRequest],
    cloud: Cloud,
    ledger: Ledger,
    *,
    sleep: Callable[[float], object],
    notice: Callable[[str], object] = lambda _: None,
) -> Launched:
    """One machine for this generation of the run, whoever else tries the same, and whoever died trying.

    `ledger` is below the run's own place. Raises CloudError where there is none, StoreError. After either,
    and after a crash, call it again: what it did is found, and nothing is launched twice.
    """
    wanted = Wanted(run_id=purpose.run_id, generation=purpose.generation, requests=requests)
    tags = search_tags(purpose)
    seen = _read(ledger, wanted.generation)
    while True:
        step = next_step(seen, wanted)
        if isinstance(step, Done):
            return Launched(instance_id=step.instance_id, instance=step.instance)
        if isinstance(step, Fail):
            raise step.error
        if isinstance(step, Put):
            if step.record.because:
                notice(step.record.because)
            ledger.create(record_name(wanted.generation, step.record.number), encode(step.record))
            seen = _read(ledger, wanted.generation)
        elif isinstance(step, Look):
            if step.after:
                sleep(step.after)
            fresh = _read(ledger, wanted.generation)
            seen = looked(seen, replace(fresh, found=tuple(cloud.find(tags))))
        else:
            seen = _ask(seen, step, cloud)


def _read(ledger: Ledger, generation: int) -> Seen:
    claim = claimed_by(ledger, generation)
    return Seen(records=records(ledger, generation), claim=claim, now=ledger.now())


def _ask(seen: Seen, step: Ask, cloud: Cloud) -> Seen:
    try:
        return replace(seen, launched=cloud.launch(step.record.request))
    except CloudError as error:
        return heard(seen, error)
