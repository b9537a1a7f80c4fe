"""What a request asks for, in the words of IAM: actions and resources."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from tests.wire import Request

ACCOUNT = "123456789012"
"""The emulator's only one."""


@dataclass(frozen=True, slots=True)
class Call:
    """`action` as IAM has it (`s3:PutObject`), `resource` an ARN or `*`. `access_key` "": nobody signed."""

    access_key: str
    principal: str
    action: str
    resource: str
    request: Request


def operation(request: Request, service: str) -> str:
    """The API's own name for what is asked, of the protocols that name it."""
    target = request.headers.get("X-Amz-Target", "")
    return target.rpartition(".")[2] if target else request.form.get("Action", "")


def asked(request: Request, service: str, region: str) -> Iterator[tuple[str, str]]:
    """(action, resource): all that the caller needs to be allowed."""
    if service == "s3":
        yield _s3(request)
        return
    called = operation(request, service)
    if request.headers.get("X-Amz-Target"):
        yield f"{service}:{called}", _json_resource(request, service, region)
        return
    form = request.form
    if service == "sts":
        yield f"sts:{called}", form.get("RoleArn", "*")
        return
    yield f"{service}:{called}", _ec2_resource(form, region)
    if called == "RunInstances":
        if any(name.startswith("TagSpecification.") for name in form):
            yield "ec2:CreateTags", f"arn:aws:ec2:{region}:{ACCOUNT}:instance/*"
        profile = form.get("IamInstanceProfile.Name") or form.get("IamInstanceProfile.Arn")
        if profile:
            yield "iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/{profile.rpartition('/')[2]}"


_OBJECT = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
_UPLOADS = {"GET": "ListMultipartUploadParts", "DELETE": "AbortMultipartUpload"}
_BUCKET = {"GET": "ListBucket", "HEAD": "ListBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}
_ABOUT = {
    "acl": "Acl", "cors": "CORS", "encryption": "EncryptionConfiguration", "location": "Location",
    "lifecycle": "LifecycleConfiguration", "policy": "Policy", "publicAccessBlock": "PublicAccessBlock",
    "tagging": "Tagging", "versioning": "Versioning",
}  # fmt: skip


def _s3(request: Request) -> tuple[str, str]:
    bucket, _, key = unquote(request.path).lstrip("/").partition("/")
    query = request.query
    if not bucket:
        return "s3:ListAllMyBuckets", "*"
    if not key:
        return f"s3:{_s3_bucket(request, query)}", f"arn:aws:s3:::{bucket}"
    action = _OBJECT.get(request.method, "PutObject")
    if "uploadId" in query:
        action = _UPLOADS.get(request.method, "PutObject")
    return f"s3:{action}", f"arn:aws:s3:::{bucket}/{key}"


def _s3_bucket(request: Request, query: dict[str, str]) -> str:
    verb = "Get" if request.method == "GET" else "Put"
    if request.method == "POST" and "delete" in query:
        return "DeleteObject"
    if "uploads" in query:
        return "ListBucketMultipartUploads"
    for name, called in _ABOUT.items():
        if name in query:
            return f"{verb}Bucket{called}" if name != "encryption" else f"{verb}{called}"
    return _BUCKET.get(request.method, "PutObject")


def _json_resource(request: Request, service: str, region: str) -> str:
    try:
        said = json.loads(request.body or b"{}")
    except ValueError:
        return "*"
    if service == "ssm" and "Name" in said:
        name = str(said["Name"])
        owner = "" if name.startswith("/aws/service/") else ACCOUNT
        return (
            name if name.startswith("arn:") else f"arn:aws:ssm:{region}:{owner}:parameter/{name.lstrip('/')}"
        )
    return str(said.get("SecretId", "*"))


def _ec2_resource(form: dict[str, str], region: str) -> str:
    first = form.get("InstanceId.1") or form.get("InstanceId")
    return f"arn:aws:ec2:{region}:{ACCOUNT}:instance/{first}" if first else "*"
