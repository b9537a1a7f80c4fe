"""Why AWS does not take the token of a job: which claim, and which line of the trust policy. Pure."""

from __future__ import annotations

from botocore import exceptions as sdk

from runner.aws.failures import code_of
from runner.clouds.identity_token import AUDIENCE, Claims
from runner.clouds.trouble import message_of, trouble
from runner.errors import CloudBusyError, CloudError, CloudRefusedError

ISSUER = "https://token.actions.githubusercontent.com"
_EXPIRED = {"ExpiredTokenException", "ExpiredToken"}
_KEYS = "verification key"
_ONCE_MORE = {*_EXPIRED, "IDPCommunicationError"}
_MALFORMED = {"ValidationError", "ValidationException", "MalformedPolicyDocument"}


def told(role: str, said: Claims, error: Exception) -> CloudError:
    """`said`: what was sent. The token itself is in no message."""
    begun = f"cannot assume {role}"
    if not isinstance(error, sdk.ClientError):
        hint = "check the network, and AWS_ENDPOINT_URL where it is set; then try again"
        return CloudBusyError(f"{begun}: AWS STS does not answer ({type(error).__name__})", hint=hint)
    code = code_of(error)
    if code in _EXPIRED:
        hint = "try again; on a runner of your own, set its clock: timedatectl set-ntp true"
        return CloudBusyError(f"{begun}: the job's token is too old for AWS", hint=hint)
    if code == "IDPCommunicationError" or _KEYS in message_of(error):
        return CloudBusyError(f"{begun}: AWS does not reach GitHub's keys", hint="try again in a minute")
    if code in _MALFORMED:
        hint = "correct `aws.role`: arn:aws:iam::ACCOUNT:role/NAME"
        return CloudRefusedError(f"{begun}: {message_of(error)} ({code})", hint=hint)
    return _unfit(role, said, error) or trouble(f"assume {role}", error)


def _unfit(role: str, said: Claims, error: sdk.ClientError) -> CloudRefusedError | None:
    """What the token says is not what AWS was told to expect."""
    begun, provider = f"cannot assume {role}", (said.issuer or ISSUER).removeprefix("https://")
    match code_of(error):
        case "AccessDenied" | "AccessDeniedException":
            denied = f"{begun}: AWS denies it to a job that says {said}"
            return CloudRefusedError(denied, hint=_condition(role, provider))
        case "InvalidIdentityToken":
            return _invalid(begun, said, provider, message_of(error))
        case "IDPRejectedClaim":
            return CloudRefusedError(f"{begun}: AWS rejects a claim of a job that says {said}")
    return None


def worth_another_token(error: sdk.ClientError) -> bool:
    """Whether a fresh token may do."""
    return code_of(error) in _ONCE_MORE or _KEYS in message_of(error)


def _condition(role: str, provider: str) -> str:
    return (
        f"compare with `Condition` in the trust policy of {role.rpartition('/')[2]}: {provider}:sub and the "
        "others have to be these to the letter (case too); `Principal.Federated` has to be the provider "
        f"{provider}; AWS says the same where there is no such role"
    )


def _invalid(begun: str, said: Claims, provider: str, message: str) -> CloudRefusedError:
    if "No OpenIDConnect provider" in message:
        return CloudRefusedError(
            f"{begun}: the account has no OIDC provider {provider}",
            hint="create it (templates/aws has it): aws iam create-open-id-connect-provider "
            f"--url https://{provider} --client-id-list {AUDIENCE}",
        )
    if "audience" in message.lower():
        return CloudRefusedError(
            f"{begun}: the OIDC provider {provider} does not take aud {said.audience}",
            hint=f"add {AUDIENCE} to its client ids: aws iam add-client-id-to-open-id-connect-provider",
        )
    return CloudRefusedError(
        f"{begun}: AWS does not accept the token of a job that says {said}: {message}",
        hint=f"look at the OIDC provider {provider} in IAM: its address and its client ids",
    )
