"""What a server answers to a request whose every header the test names."""

import http.client
from contextlib import closing
from urllib.parse import urlsplit


def asked(url: str, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
    """Status and text of what is answered to exactly this; in names of headers ``_`` stands for a hyphen."""
    parts = urlsplit(url)
    assert parts.hostname
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)) as connection:
        connection.request(method, path, body, sent)
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
