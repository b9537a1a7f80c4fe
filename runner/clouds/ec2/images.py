"""What to boot from: an id, or the place in the parameter store where its publisher keeps the newest id."""

from __future__ import annotations

from runner.aws.clients import Client
from runner.clouds.trouble import told
from runner.errors import CloudRefusedError
from runner.ports import Image
from runner.problems import shorten


def look_up(ec2: Client, ssm: Client, name: str) -> Image:
    """`ami-…`, or the path of a public or own parameter. Raises CloudRefusedError."""
    if name.startswith("/"):
        with told(f"find the image {shorten(name, 120)}"):
            image_id = str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    else:
        image_id = name
    with told(f"find the image {shorten(image_id)}"):
        found = ec2.describe_images(ImageIds=[image_id])["Images"]
    if not found:
        raise CloudRefusedError(
            f"there is no image {shorten(image_id)} in this region",
            hint="correct `machine.ami`: images have another id in each region",
        )
    said = found[0]
    root = said.get("RootDeviceName") or "/dev/sda1"
    return Image(
        id=image_id,
        root_device=root,
        disk=max([_size(mapping) for mapping in said.get("BlockDeviceMappings", [])
                  if mapping.get("DeviceName") == root], default=0),
        architecture=said.get("Architecture", "x86_64"),
    )  # fmt: skip


def _size(mapping: dict[str, dict[str, int]]) -> int:
    return int(mapping.get("Ebs", {}).get("VolumeSize", 0))
