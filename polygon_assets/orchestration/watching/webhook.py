"""The webhook: one POST of JSON. One that does not answer is logged and breaks nothing."""

import html
import json
import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Protocol
from urllib.parse import urlsplit

from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, HTTPClientError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

from polygon_assets.download.watchdog import ending_within, watch_connections
from polygon_assets.errors import InvalidInputError
from polygon_assets.log_redaction import redact_logs

_SECONDS = 10.0
"""For one delivery, the answer included."""


class Receiver(Protocol):
    """Who can be told."""

    def post(self, message: Mapping[str, object], log: logging.Logger) -> bool:
        """Send ``message``; was it taken?"""


class Receivers:
    """Several who are told the same."""

    def __init__(self, receivers: Sequence[Receiver]) -> None:
        self._receivers = receivers

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self._receivers)})"

    def post(self, message: Mapping[str, object], log: logging.Logger) -> bool:
        """Send ``message`` to each; True where one took it: all would be told again otherwise."""
        answers = [receiver.post(message, log) for receiver in self._receivers]
        return any(answers)


class Webhook:
    """Where notifications go; the URL counts as a secret, since whoever knows it can post."""

    def __init__(self, url: str, seconds: float = _SECONDS) -> None:
        """``url`` may be empty, which is none; ``seconds`` is how long one delivery may take."""
        self._url, self._seconds = url, seconds

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'a URL' if self._url else 'no URL'})"

    def post(self, message: Mapping[str, object], log: logging.Logger) -> bool:
        """Send ``message``; False, with a line in ``log``, where it could not be delivered.

        A redirect is no delivery: another host was not chosen by the user, and most clients would drop the body.
        ``text`` is what chats show: Slack's escapes keep it from naming channels and links.
        """
        if urlsplit(self._url).scheme not in {"http", "https"}:
            raise InvalidInputError("POLYGON_WEBHOOK_URL is no http or https URL")
        try:
            status = self._send(json.dumps(_escaped(message)).encode())
        except (BotoCoreError, HTTPClientError, OSError, ValueError) as error:
            log.warning("The webhook did not take the notification: %s", type(error).__name__)
            return False
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            log.warning("The webhook did not take the notification: it answered %d", status)
            return False
        return True

    def _send(self, body: bytes) -> int:
        """The status of the answer."""
        headers = {"Content-Type": "application/json"}
        session = URLLib3Session(timeout=math.ceil(self._seconds), proxies=get_environ_proxies(self._url))
        watch_connections(session)
        redact_logs(self._url, urlsplit(self._url)._replace(scheme="", netloc="").geturl())
        try:
            with ending_within(self._seconds):
                request = AWSRequest(method="POST", url=self._url, data=body, headers=headers)
                return int(session.send(request.prepare()).status_code)
        finally:
            session.close()


def _escaped(message: Mapping[str, object]) -> dict[str, object]:
    return {name: html.escape(str(said), quote=False) if name == "text" else said for name, said in message.items()}
