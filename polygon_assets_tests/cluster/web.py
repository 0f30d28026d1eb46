"""nginx with a password in front of the webserver, from the example in ``deploy/cluster``."""

import base64
import json
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polygon_assets_tests.cluster.databases import canary
from polygon_assets_tests.cluster.programs import Service, give_to, program, running, unprivileged_user
from polygon_assets_tests.cluster.units import DEPLOY

_MAIN = """daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""
_USER = "trader"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Web:
    """The web interface, as it is reached from outside."""

    url: str
    password: str
    service: Service

    def post(self, path: str, message: Any) -> bytes:
        """Send JSON with the password."""
        request = urllib.request.Request(  # noqa: S310 (our own nginx)
            self.url + path, json.dumps(message).encode(), {"Content-Type": "application/json", **self.login()}
        )
        with _OPENER.open(request, timeout=60) as answer:
            return bytes(answer.read())

    def login(self, password: str | None = None) -> dict[str, str]:
        """The header of basic authentication."""
        pair = f"{_USER}:{self.password if password is None else password}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def status(
        self, headers: dict[str, str] | None = None, path: str = "/server_info", body: bytes | None = None
    ) -> int:
        """The HTTP status of a GET, or of a POST of ``body``."""
        try:
            request = urllib.request.Request(self.url + path, body, headers or {})  # noqa: S310 (our own nginx)
            with _OPENER.open(request, timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def answers(self) -> bool:
        """Whether nginx and the webserver behind it answer."""
        try:
            return self.status(self.login()) == 200
        except OSError:
            return False


@contextmanager
def nginx(parent: Path, webserver_port: int, port: int) -> Iterator[Web]:
    """Run nginx on ``port`` with the example's site, its ports and paths replaced."""
    folder, password = parent / "nginx", canary("nginx")
    folder.mkdir()
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input=password, text=True, capture_output=True, check=True
    ).stdout
    (folder / "htpasswd").write_text(f"{_USER}:{hashed}")
    site = (DEPLOY / "nginx.conf.example").read_text()
    for example, here in {
        "127.0.0.1:8080": f"127.0.0.1:{port}",
        "127.0.0.1:3000": f"127.0.0.1:{webserver_port}",
        "/etc/polygon-assets/htpasswd": f"{folder}/htpasswd",
    }.items():
        assert example in site
        site = site.replace(example, here)
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder))
    give_to(unprivileged_user(), folder, folder / "htpasswd")
    command = [program("nginx"), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    with running(Service("nginx", command, folder, user=unprivileged_user())) as service:
        yield Web(f"http://127.0.0.1:{port}", password, service)
