"""The webhook: one POST of JSON. One that does not answer is logged and breaks nothing."""

import json
import logging
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException

import dagster as dg
from pydantic import Field

from polygon_assets.errors import InvalidInputError

_TIMEOUT_SECONDS = 10


class WebhookResource(dg.ConfigurableResource["WebhookResource"]):
    """Where notifications go; the URL counts as a secret, since whoever knows it can post."""

    url: str = Field(default="", repr=False)

    def post(self, message: Mapping[str, object], log: logging.Logger) -> bool:
        """Send ``message``; False, with a line in ``log``, where it could not be delivered."""
        if not self.url.startswith(("https://", "http://")):
            raise InvalidInputError("POLYGON_WEBHOOK_URL is no http or https URL")
        request = urllib.request.Request(  # noqa: S310 (the scheme was checked)
            self.url, json.dumps(message).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS):  # noqa: S310
                return True
        except (OSError, HTTPException, ValueError) as error:
            log.warning("The webhook did not take the notification: %s", type(error).__name__)
            return False
