"""Everything about an account, at once and within a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from botocore import exceptions as sdk

from runner.aws.clients import Client, Settings
from runner.clouds.account import buckets, machines, networks, roles
from runner.clouds.account.asking import Asking, judged
from runner.clouds.account.facts import Account, Asked, Caller, Unasked, Unseen
from runner.clouds.client import connect
from runner.clouds.ec2 import Ec2Cloud
from runner.clouds.trouble import told
from runner.errors import CloudError
from runner.ports import LaunchRequest

SECONDS = 15.0
"""In which somebody who waits is told all that can be known."""
_SERVICES = ("s3", "iam", "ec2", "ssm", "service-quotas")
_ALWAYS = "us-east-1"
_NETWORK = "check the network or proxy, and AWS_ENDPOINT_URL if it is set"
_NOTHING = sdk.NoCredentialsError


def look(asked: Asked, seconds: float = SECONDS) -> Account | Unasked:
    """Raises nothing for what is wrong there."""
    settings = Settings(region=asked.region, connect_timeout=3.0, read_timeout=6.0, tries=2)
    asking = Asking(seconds)
    caller = asking.ask(lambda: _who(settings))()
    if isinstance(caller, Unseen):
        return Unasked(why=f"not asked: {caller.why}", fix=_NETWORK, failed=True)
    if isinstance(caller, Unasked):
        return caller
    try:
        clients = {service: connect(service, settings) for service in _SERVICES}
    except CloudError as error:
        return _unasked(error)
    return _looked(asked, caller, clients, asking)


def _who(settings: Settings) -> Caller | Unasked:
    """A region that is not enabled knows no credentials, so somebody is asked who is always there."""
    try:
        return _caller(connect("sts", settings))
    except CloudError as error:
        if settings.region in {"", _ALWAYS} or isinstance(error.__cause__, _NOTHING):
            return _unasked(error)
        try:
            _caller(connect("sts", replace(settings, region=_ALWAYS)))
        except CloudError:
            return _unasked(error)
    return Unasked(
        why=f"AWS takes these credentials, but not in {settings.region}",
        fix=f"correct `aws.region`, or enable it: aws account enable-region --region-name {settings.region}",
        failed=True,
    )


def _caller(sts: Client) -> Caller:
    with told("ask AWS who this is"):
        said = sts.get_caller_identity()
    return Caller(account=said["Account"], arn=said["Arn"])


def _unasked(error: CloudError) -> Unasked:
    if isinstance(error.__cause__, _NOTHING):
        fix = "to look there too: AWS_PROFILE=NAME runner doctor, or log in: aws sso login"
        return Unasked(why="not asked: there are no AWS credentials here", fix=fix)
    return Unasked(why=error.message, fix=error.hint, failed=True)


def _looked(asked: Asked, caller: Caller, clients: dict[str, Client], asking: Asking) -> Account:
    ec2, iam = clients["ec2"], clients["iam"]
    cloud = Ec2Cloud(ec2=ec2, ssm=clients["ssm"], once=ec2)
    region = ec2.meta.region_name
    partition = caller.arn.split(":")[1]
    place = f"arn:{partition}:s3:::{asked.bucket}/" + (f"{asked.prefix}/" if asked.prefix else "")
    enabled = asking.ask(partial(_enabled, ec2, region))
    bucket = asking.ask(lambda: buckets.look(clients["s3"], asked) if asked.bucket else None)
    role = asking.ask(lambda: roles.look(iam, asked.role, _of_workflows(place)) if asked.role else None)
    providers = asking.ask(lambda: roles.providers(iam))
    profile = asking.ask(
        lambda: roles.profile(iam, asked.profile, _of_machines(place)) if asked.profile else None
    )
    images = [asking.ask(partial(judged, partial(cloud.image, name))) for name in asked.images]
    network = asking.ask(lambda: networks.look(ec2, asked))
    group = asking.ask(lambda: judged(partial(networks.group, ec2, asked)))
    kinds = asking.ask(lambda: machines.kinds(ec2, asked.types))
    quotas = asking.ask(lambda: machines.quotas(clients["service-quotas"], asked))
    spot_role = asking.ask(lambda: roles.has_spot(iam))
    trial = asking.ask(lambda: judged(partial(_tried, cloud, asked)))
    return Account(
        asked=asked,
        caller=caller,
        region=region,
        enabled=enabled(),
        bucket=bucket(),
        role=role(),
        providers=providers(),
        profile=profile(),
        images=tuple(image() for image in images),
        network=network(),
        group=group(),
        kinds=kinds(),
        quotas=quotas(),
        spot_role=spot_role(),
        trial=trial(),
    )


def _enabled(ec2: Client, region: str) -> bool:
    found = ec2.describe_regions(RegionNames=[region], AllRegions=True)["Regions"]
    return bool(found) and found[0].get("OptInStatus") != "not-opted-in"


def _of_workflows(place: str) -> list[tuple[str, str]]:
    keys = ("runs/doctor/plan.json", "bundles/doctor.tar.gz", "live/doctor")
    return [(action, place + key) for key in keys for action in ("s3:GetObject", "s3:PutObject")]


def _of_machines(place: str) -> list[tuple[str, str]]:
    return [
        ("s3:GetObject", f"{place}bundles/doctor.tar.gz"),
        ("s3:GetObject", f"{place}runs/doctor/order/1.json"),
        ("s3:PutObject", f"{place}runs/doctor/events/000001.jsonl"),
        ("s3:PutObject", f"{place}bundles/doctor.tar.gz"),
    ]


def _tried(cloud: Ec2Cloud, asked: Asked) -> bool:
    """One launch, without doing it: what is missing to ask is said elsewhere."""
    if not (asked.types and asked.images and asked.profile):
        return False
    image = cloud.image(asked.images[0])
    cloud.check(
        LaunchRequest(
            token="doctor",  # noqa: S106  it makes a launch the same one, and no secret of it
            image=image.id,
            root_device=image.root_device,
            type=asked.types[0],
            disk=max(image.disk, 8),
            subnet=_first(asked.subnets),
            security_group=cloud.security_group(asked.security_group),
            instance_profile=asked.profile,
        )
    )
    return True


def _first(names: Sequence[str]) -> str:
    return names[0] if names else ""
