"""What the SDK raises, as far as it is the same whatever was asked. Never a credential in a sentence."""

from __future__ import annotations

from botocore import exceptions as sdk
from botocore.parsers import ResponseParserError

from runner.aws.clients import EndpointError
from runner.problems import shorten

RAISED = (sdk.BotoCoreError, sdk.ClientError, ResponseParserError)
"""All that the SDK raises while it asks."""
UNANSWERED = (
    sdk.HTTPClientError,
    sdk.ConnectionError,
    sdk.ResponseStreamingError,
    sdk.IncompleteReadError,
    sdk.ChecksumError,
    sdk.FlexibleChecksumError,
    ResponseParserError,  # somebody else answered, such as a proxy
)
TRY_NETWORK = "check the network, and AWS_ENDPOINT_URL where it is set; then try again"
"""What to do about UNANSWERED."""

_LOGIN = "set AWS_PROFILE, or log in: aws sso login"
_KEY = (
    "correct or unset AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, which go before AWS_PROFILE; "
    "or log in: aws sso login"
)
NOT_ACCEPTED = {
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidToken", "TokenRefreshRequired"),
        ("the AWS credentials have expired", "get new ones, for example: aws sso login"),
    ),
    **dict.fromkeys(
        (
            "AuthFailure", "InvalidAccessKeyId", "InvalidClientTokenId", "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
        ("AWS does not accept the credentials", _KEY),
    ),
}  # fmt: skip
"""Error codes of any service about who asks: what they mean, and what to do."""


def misconfigured(error: Exception) -> tuple[str, str] | None:
    """What is wrong here, so that nothing was asked, and what to do; None where it is something else."""
    match error:
        case sdk.ProfileNotFound():
            hint = "correct or unset AWS_PROFILE; aws configure list-profiles lists what there is"
            return f"there is no AWS profile `{shorten(error.kwargs['profile'])}`", hint
        case sdk.TokenRetrievalError() | sdk.SSOTokenLoadError() | sdk.UnauthorizedSSOTokenError():
            return "the login to AWS has expired", "log in again: aws sso login"
        case sdk.PartialCredentialsError():
            return (
                f"the AWS credentials lack {shorten(error.kwargs['cred_var'])}",
                "set the two parts of a key, or neither of them: then AWS_PROFILE counts, or aws sso login",
            )
        case sdk.NoCredentialsError() | sdk.CredentialRetrievalError() | sdk.NoAuthTokenError():
            return "there are no AWS credentials", _LOGIN
        case EndpointError():
            return str(error), "correct AWS_ENDPOINT_URL, or unset it"
    return None


def code_of(error: sdk.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: sdk.ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
