"""Error codes of EC2: what they mean, and what to do. One table for each consequence."""

from __future__ import annotations

from runner.aws.failures import NOT_ACCEPTED

_QUOTA = "ask for more: https://console.aws.amazon.com/servicequotas/home/services/ec2/quotas"
_FALLBACK = "add types to `machine.fallback`, or subnets in other zones to `aws.subnets`; or try again later"
_SUBNET = "use a larger subnet, or add others to `aws.subnets`"

ENDED = "IdempotentInstanceTerminated"
CAPACITY: dict[str, tuple[str, str]] = {
    "InsufficientInstanceCapacity": ("AWS has no such machine free there now", _FALLBACK),
    "InsufficientHostCapacity": ("AWS has no such host free there now", _FALLBACK),
    "InsufficientCapacity": ("AWS has no such machine free there now", _FALLBACK),
    "SpotMaxPriceTooLow": ("spot machines cost more than on-demand ones there now", _FALLBACK),
    "MaxSpotInstanceCountExceeded": (
        "the account's quota for spot machines of this family is used up",
        _QUOTA,
    ),
    "VcpuLimitExceeded": (
        "the account's quota of vCPUs for this family is used up (0 for GPUs at first)",
        _QUOTA,
    ),
    "InstanceLimitExceeded": ("the account's quota of instances is used up", _QUOTA),
    "VolumeLimitExceeded": ("the account's quota for disks is used up", _QUOTA),
    "MaxIOPSLimitExceeded": ("the account's quota for disks is used up", _QUOTA),
    "Unsupported": ("this type does not exist in that zone", _FALLBACK),
    "InsufficientFreeAddressesInSubnet": ("the subnet has no address left", _SUBNET),
    "InsufficientVolumeCapacity": ("AWS has no disk of this kind free there now", _FALLBACK),
}
"""Nothing was launched; another type, market or subnet may be."""

REFUSALS: dict[str, tuple[str, str]] = {
    **NOT_ACCEPTED,
    "AuthFailure.ServiceLinkedRoleCreationNotPermitted": (
        "the account has no role for spot machines yet",
        "create it once: aws iam create-service-linked-role --aws-service-name spot.amazonaws.com",
    ),
    "OptInRequired": ("the account is not signed up for this", "enable EC2 (and the region) in the account"),
    "PendingVerification": (
        "AWS still verifies the account",
        "wait for its e-mail; it takes up to four hours",
    ),
    "Blocked": ("AWS has blocked the account", "write to AWS Support"),
    **dict.fromkeys(
        ("VPCIdNotSpecified", "DefaultVpcDoesNotExist", "MissingInput", "NoDefaultVpc"),
        (
            "there is no default network in this region",
            "set `aws.subnets`, or create one: aws ec2 create-default-vpc",
        ),
    ),
    **dict.fromkeys(
        ("InvalidAMIID.NotFound", "InvalidAMIID.Malformed", "InvalidAMIID.Unavailable"),
        (
            "there is no such image in this region",
            "correct `machine.ami`: images have another id in each region",
        ),
    ),
    **dict.fromkeys(
        ("InvalidSubnetID.NotFound", "InvalidSubnetID.Malformed", "InvalidSubnet"),
        ("there is no such subnet", "correct `machine.subnet` or `aws.subnets`, and `aws.region`"),
    ),
    **dict.fromkeys(
        ("InvalidGroup.NotFound", "InvalidGroupId.Malformed", "InvalidSecurityGroupID.NotFound"),
        ("there is no such security group", "correct `aws.security_group`, and `aws.region`"),
    ),
    "InvalidInstanceType": (
        "there is no such instance type",
        "correct `machine.type` and `machine.fallback`",
    ),
    "InvalidBlockDeviceMapping": ("the disk does not fit the image", "make `machine.disk` larger"),
    ENDED: (
        "the machine that this request once gave has ended",
        "the run goes on with a new generation",
    ),
    "ParameterNotFound": (
        "no image is published under that name in this region",
        "correct the region, or `machine.ami` where a queue sets it",
    ),
}
"""Nothing was done, and the same will be refused again."""

BUSY = {
    "RequestLimitExceeded", "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled",
    "TooManyRequestsException", "ResourceCountExceeded", "ConcurrentTagAccess", "EC2ThrottledException",
    "RequestResourceCountExceeded", "BandwidthLimitExceeded", "429",
}  # fmt: skip
"""Nothing was done; later it will be."""

UNSURE = {
    "InternalError", "InternalFailure", "Unavailable", "ServiceUnavailable", "ServerInternal",
    "IdempotentParameterMismatch", "RequestTimeout",
    "500", "502", "503", "504",
}  # fmt: skip
"""It may have been done. A mismatch says that the token was used before: for a launch that may live."""
