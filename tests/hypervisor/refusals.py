"""How AWS says no, in each of its protocols."""

from __future__ import annotations

import json
from dataclasses import dataclass
from xml.sax.saxutils import escape

from tests.wire import Answer

_JSON = {"ssm", "secretsmanager", "logs", "batch", "pricing", "servicequotas"}
_WORDS = {
    # What S3 calls it → what EC2 does. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    "ExpiredToken": "RequestExpired",
    "InvalidAccessKeyId": "AuthFailure",
    "InvalidToken": "AuthFailure",
    "SignatureDoesNotMatch": "AuthFailure",
    "RequestTimeTooSkewed": "AuthFailure",
    "AccessDenied": "UnauthorizedOperation",
}
_JSON_WORDS = {
    "ExpiredToken": "ExpiredTokenException",
    "InvalidToken": "UnrecognizedClientException",
    "InvalidAccessKeyId": "UnrecognizedClientException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "RequestTimeTooSkewed": "InvalidSignatureException",
    "AccessDenied": "AccessDeniedException",
}
_STATUS = {
    "SlowDown": 503, "ServiceUnavailable": 503, "InternalError": 500, "InternalFailure": 500,
    "ExpiredToken": 400, "RequestTimeout": 400, "AccessDenied": 403, "InvalidAccessKeyId": 403,
    "SignatureDoesNotMatch": 403, "RequestTimeTooSkewed": 403, "InvalidToken": 400,
    "MissingAuthenticationToken": 403, "RequestLimitExceeded": 503, "ConditionalRequestConflict": 409,
}  # fmt: skip


@dataclass(eq=False)
class Refused(Exception):
    """`status` 0: the one that goes with the code."""

    code: str
    message: str = "no"
    status: int = 0


def answer(refused: Refused, service: str) -> Answer:
    code, message = refused.code, refused.message
    status = refused.status or _STATUS.get(code, 400)
    if service in _JSON:
        body = json.dumps({"__type": _JSON_WORDS.get(code, code), "message": message}).encode()
        return Answer(status if status != 403 else 400, body, {"Content-Type": "application/x-amz-json-1.1"})
    text = escape(message)
    if service == "s3":
        body = f"<Error><Code>{code}</Code><Message>{text}</Message><RequestId>1</RequestId></Error>".encode()
    elif service == "ec2":
        code = _WORDS.get(code, code)
        inner = f"<Errors><Error><Code>{code}</Code><Message>{text}</Message></Error></Errors>"
        body = f"<Response>{inner}<RequestID>1</RequestID></Response>".encode()
    else:
        inner = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{text}</Message></Error>"
        body = f"<ErrorResponse>{inner}<RequestId>1</RequestId></ErrorResponse>".encode()
    return Answer(status, body, {"Content-Type": "text/xml"})
