"""Where runs live in the cloud, and how this process gets there."""

from __future__ import annotations

import functools
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runner.bundle import checkout as checkouts
from runner.bundle import program
from runner.bundle.archive import Archive
from runner.bundle.checkout import CheckoutArchive
from runner.bundle.sending import Shown, send, unshown
from runner.clouds.opening import fetch_prices, open_cloud
from runner.errors import UsageError
from runner.launching import price_cache
from runner.launching.account import Account, run_name
from runner.launching.boot import Bundle
from runner.launching.cost import carried
from runner.machines.once import once
from runner.ports import Cloud
from runner.stores.s3 import Bucket, Location, Settings, connect
from runner.validate.machine import NAME_AN_ACCOUNT

if TYPE_CHECKING:
    from runner.plan import Prices
    from runner.validate import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """`root` is the account's place in its bucket, `cloud(region)` where machines come from.

    `repository` names whose machines they are; no others are ever looked at or ended. `endpoint`: where AWS
    is, if not at AWS; machines get it, too. `program()`: what a machine runs, `files(checkout, commit)`: the
    files of a commit that git knows there; both are in the bucket by then. `policy`: what no machine may go
    beyond, None for no limit. `prices(region, types)`: as new as they can be had.
    """

    account: Account
    repository: str
    root: Bucket
    cloud: Callable[[str], Cloud]
    program: Callable[[], Bundle]
    files: Callable[[Path, str], CheckoutArchive]
    endpoint: str = ""
    policy: Policy | None = None
    prices: Callable[[str, Sequence[str]], Prices] = field(
        default=lambda _region, _types: carried(), repr=False
    )
    sleep: Callable[[float], object] = field(default=time.sleep, repr=False)
    notice: Callable[[str], object] = field(default=lambda _: None, repr=False)

    def run(self, run_id: str) -> Bucket:
        """The run's own place."""
        return self.root.below(run_name(run_id))


def open_site(
    account: Account,
    repository: str,
    environ: Mapping[str, str],
    *,
    policy: Policy | None = None,
    notice: Callable[[str], object] = lambda _: None,
    shown: Shown = unshown,
) -> Site:
    """Asks nothing of AWS yet. `shown`: how far it is with what it sends.

    Raises UsageError where the configuration does not say enough, StoreError.
    """
    missing = [name for name in ("region", "bucket") if not getattr(account, name)]
    if missing:
        raise UsageError(
            f"no account is configured: {' and '.join(f'aws.{name}' for name in missing)} "
            f"{'is' if len(missing) == 1 else 'are'} not set",
            hint=NAME_AN_ACCOUNT,
        )
    client = connect(Settings(region=account.region))
    root = Bucket(client, Location(bucket=account.bucket, prefix=account.prefix))
    return Site(
        account=account,
        repository=repository,
        root=root,
        cloud=once(open_cloud),
        program=once(functools.partial(_program, root, shown)),
        files=once(functools.partial(send_files, root, shown=shown)),
        endpoint=environ.get("AWS_ENDPOINT_URL", ""),
        policy=policy,
        prices=_prices(root, notice),
        notice=notice,
    )


def _prices(root: Bucket, notice: Callable[[str], object]) -> Callable[[str, Sequence[str]], Prices]:
    """Asked for once in a process, however often a launch looks at them: so is what is said of them."""

    @once
    def known(region: str, types: tuple[str, ...]) -> Prices:
        return price_cache.current(region, types, root, fetch=fetch_prices, carried=carried(), notice=notice)

    return lambda region, types: known(region, tuple(types))


def _program(root: Bucket, shown: Shown) -> Bundle:
    """Built once in a process; sent once in the life of this version."""
    with tempfile.TemporaryDirectory(prefix="runner-program-") as folder:
        archive: Archive = program.build(Path(folder, "program.tar.gz"))
        send(root, archive, "the program", shown)
    return Bundle(name=archive.name, sha256=archive.sha256)


def send_files(root: Bucket, checkout: Path, commit: str, *, shown: Shown = unshown) -> CheckoutArchive:
    """Its archive is in the bucket alone. Raises NotFoundError where there is no such commit, RunnerError."""
    with tempfile.TemporaryDirectory(prefix="runner-launch-") as folder:
        packed = checkouts.build(checkout, commit, Path(folder, "checkout.tar.gz"))
        send(root, packed.archive, "the checkout", shown)
    return packed
