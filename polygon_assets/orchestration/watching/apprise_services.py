"""The services that apprise knows: Slack, Teams, mail and a hundred more. One that does not answer breaks nothing.

They are told by a process of their own: each service has a client of its own, and only a process ends for certain when
its time is over. It gets the addresses through a pipe, where no list of processes shows them.
Belongs here: delivery. Does not: what is sent and when (``notifications``).
"""

import importlib.util
import json
import logging
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from polygon_assets.errors import InvalidInputError
from polygon_assets.settings import variable

_SECONDS = 20.0
"""For one notification, to all services together."""
_TITLE = "Polygon flat files"


class Services:
    """Where notifications go besides the webhook; addresses hold passwords and count as secrets."""

    def __init__(self, urls: str, seconds: float = _SECONDS) -> None:
        """``urls`` are addresses of apprise's, with spaces between; ``seconds`` is how long a notification may take."""
        self._urls, self._seconds = urls.split(), seconds

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._urls)})"

    def post(self, message: Mapping[str, object], log: logging.Logger) -> bool:
        """Send the ``text`` of ``message`` to all; False where none took it. ``log`` names those that did not.

        No redirect is followed, whatever an address says.
        """
        told = _ask(self._urls, str(message["text"]), self._seconds)
        for number in range(len(self._urls)):
            name, took = told.get(number, ("no answer", False))
            if not took:
                log.warning("Number %d of %s did not take the notification: %s", number + 1, _VARIABLE, name)
        return any(took for _, took in told.values())


_VARIABLE = variable("notify_urls")


def require_apprise() -> None:
    """Be sure that there is somebody who can tell.

    Raises:
        InvalidInputError: apprise is not installed.
    """
    if importlib.util.find_spec("apprise") is None:
        raise InvalidInputError(f"{_VARIABLE} is set, and apprise is not there: pip install 'polygon-assets[notify]'")


def unknown(urls: str) -> list[int]:
    """The numbers, from 1, of those addresses that apprise cannot make sense of. Nobody is told anything."""
    known = _ask(urls.split(), None, _SECONDS)
    return [number for number in range(1, len(urls.split()) + 1) if not known.get(number - 1, ("", False))[1]]


def _ask(urls: Sequence[str], text: str | None, seconds: float) -> dict[int, tuple[str, bool]]:
    """What the process says of each address by its number from 0, as far as it came: a name, and was ``text`` taken?

    Without ``text``: is it known?
    """
    order = json.dumps({"urls": urls, "text": text}).encode()
    command = [sys.executable, "-m", __name__]
    try:
        said = subprocess.run(  # noqa: S603 (this module)
            command, input=order, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=seconds, check=False
        ).stdout
    except subprocess.TimeoutExpired as error:
        said = error.stdout or b""
    return {number: (name, took) for number, name, took in map(json.loads, said.splitlines())}


def _open(urls: Sequence[str]) -> list[Any]:
    """Each address's service; None: it is none."""
    import apprise  # noqa: PLC0415 (slow, and an extra)

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it says addresses
    asset = apprise.AppriseAsset(app_id=_TITLE, http_redirects=False)
    services = [apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True) for url in urls]
    for service in services:
        if service is not None:
            service.redirects = False
    return services


def _tell(order: Mapping[str, Any]) -> Iterator[tuple[int, str, bool]]:
    """Each service's number from 0, name, and did it take it, in the order in which they answered."""
    services = _open(order["urls"])
    for number, service in enumerate(services):
        if service is None:
            yield number, "not an address that apprise knows", False
        elif order["text"] is None:
            yield number, str(service.service_name), True
    if order["text"] is None:
        return
    with ThreadPoolExecutor(len(services) or 1) as pool:
        asked = {
            pool.submit(service.notify, body=order["text"], title=_TITLE, body_format="text"): number
            for number, service in enumerate(services)
            if service is not None
        }
        for answer in as_completed(asked):
            number = asked[answer]
            yield number, str(services[number].service_name), not answer.exception() and bool(answer.result())


if __name__ == "__main__":
    for each in _tell(json.load(sys.stdin)):
        print(json.dumps(each), flush=True)  # noqa: T201 (the answer)
