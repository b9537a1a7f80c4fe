"""What a machine can learn of itself: the instance metadata service, version 2.

Asked directly, never through a proxy, with short time limits: a job may have blocked or burdened the way.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from runner.errors import CloudBusyError, CloudError

ENDPOINT = "http://169.254.169.254"
_SECONDS = 2.0
_TOKEN_SECONDS = 6 * 3600
_LARGEST = 64 << 10


class Metadata:
    """`endpoint` as AWS_EC2_METADATA_SERVICE_ENDPOINT has it for the SDK. For one thread at a time."""

    def __init__(self, endpoint: str = ENDPOINT, clock: Callable[[], float] = time.monotonic) -> None:
        parts = urlsplit(endpoint)
        self._host = parts.hostname or ""
        self._port = parts.port or 80
        self._clock = clock
        self._token = ""
        self._renew = 0.0

    def get(self, path: str, *, of: str = "meta-data/") -> str | None:
        """What is at `meta-data/PATH`, None where there is nothing. `of`: another tree than `meta-data/`.

        Raises CloudBusyError where the same call may succeed later, CloudError where it will not.
        """
        for _ in range(2):
            status, body = self._ask("GET", f"/latest/{of}{path}", {_TOKEN: self._fresh_token()})
            if status != 401:
                break
            self._token = ""  # it was taken back: a machine that was stopped, a service that began anew
        if status == 404:
            return None
        if status != 200:
            raise CloudBusyError(f"the metadata service answers {status} for {path}")
        return body

    def _fresh_token(self) -> str:
        now = self._clock()
        if not self._token or now >= self._renew:
            asked = {f"{_TOKEN}-ttl-seconds": str(_TOKEN_SECONDS)}
            status, body = self._ask("PUT", "/latest/api/token", asked)
            if status == 403:
                raise CloudError(
                    "the metadata service is switched off for this machine",
                    hint="launch it with `HttpEndpoint` enabled",
                )
            if status != 200:
                raise CloudBusyError(f"the metadata service gives no token: it answers {status}")
            self._token, self._renew = body, now + _TOKEN_SECONDS / 2
        return self._token

    def _ask(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=_SECONDS)
        try:
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read(_LARGEST).decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise CloudBusyError(f"the metadata service does not answer ({type(error).__name__})") from error
        finally:
            connection.close()


_TOKEN = "X-aws-ec2-metadata-token"  # noqa: S105  the name of a header
