"""Where a test's store lies: a folder, or a prefix on the real S3 server of the session; as a pytest plugin.

A test that is marked ``stores("disk", "s3")`` runs once over each; without the mark, over a folder. Belongs here: that
choice, and looking at the store's files and meddling with them behind the platform's back. Does not: what they hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from polygon_assets.ingest import ParquetStore
from polygon_assets.store.marker import MARKER
from polygon_assets_tests.servers.seaweed import S3Server

KINDS = ("disk", "s3")
_SCHEME = "s3://"
STORE_PREFIX = "my/store"
"""Where a store lies in the test's bucket."""


@dataclass(frozen=True)
class Place:
    """Where a store lies, and its files by their URIs."""

    uri: str
    staging: Path
    """Where a store on S3 makes its files; one in a folder makes them in itself."""
    server: S3Server | None = None
    """None: it is a folder."""

    def open(self) -> ParquetStore:
        """A store of its own, with nothing kept from others."""
        if self.server is None:
            return ParquetStore(self.uri)
        return ParquetStore(
            self.uri,
            endpoint_url=self.server.endpoint_url,
            access_key_id=self.server.access_key_id,
            secret_access_key=self.server.secret_access_key,
        )

    def environment(self) -> dict[str, str]:
        """The variables by which a user would name it."""
        if self.server is None:
            return {"POLYGON_STORE": self.uri}
        return {
            "POLYGON_STORE": self.uri,
            "POLYGON_STORE_ENDPOINT_URL": self.server.endpoint_url,
            "POLYGON_STORE_ACCESS_KEY_ID": self.server.access_key_id,
            "POLYGON_STORE_SECRET_ACCESS_KEY": self.server.secret_access_key,
        }

    def file(self, dataset: str, day: str) -> str:
        """The URI of a stored day, by the layout that the README promises."""
        return f"{self.uri}/{dataset}/date={day}/data.parquet"

    def read(self, uri: str) -> bytes:
        """The bytes of a file."""
        if self.server is None:
            return Path(uri).read_bytes()
        body: bytes = self.server.client().get_object(**_address(uri))["Body"].read()
        return body

    def write(self, uri: str, body: bytes) -> None:
        """Put a file there, in place of an older one."""
        if self.server is None:
            Path(uri).parent.mkdir(parents=True, exist_ok=True)
            Path(uri).write_bytes(body)
        else:
            self.server.client().put_object(**_address(uri), Body=body)

    def flip(self, uri: str, part: int) -> None:
        """Flip a bit after one ``part`` of a file."""
        body = bytearray(self.read(uri))
        body[len(body) // part] ^= 1
        self.write(uri, bytes(body))

    def delete(self, uri: str) -> None:
        """Remove a file."""
        if self.server is None:
            Path(uri).unlink()
        else:
            self.server.client().delete_object(**_address(uri))

    def files(self, folder: str = "") -> list[str]:
        """Names below ``folder`` of the store, at any depth, but the staging's lock, the marker and digests."""
        return [name for name in self._files(folder) if not name.startswith("_digests/")]

    def _files(self, folder: str) -> list[str]:
        below = f"{self.uri}/{folder}".rstrip("/")
        if self.server is None:
            found = (path.relative_to(below).as_posix() for path in Path(below).rglob("*") if path.is_file())
            return sorted(name for name in found if not name.endswith(("guard.lock", MARKER)))
        address = _address(below + "/")
        pages = self.server.client().get_paginator("list_objects_v2")
        listed = pages.paginate(Bucket=address["Bucket"], Prefix=address["Key"])
        return sorted(
            entry["Key"].removeprefix(address["Key"]) for page in listed for entry in page.get("Contents", [])
        )

    def contents(self) -> dict[str, bytes]:
        """Every file of the store, its marker and digests too, by its name."""
        root = Path(self.uri)
        if self.server is not None:
            return {name: self.read(f"{self.uri}/{name}") for name in self._files("")}
        files = (path for path in root.rglob("*") if path.is_file() and path.name != "guard.lock")
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}

    def fill(self, contents: Mapping[str, bytes]) -> None:
        """Make it a copy of the store that had ``contents``."""
        for name, body in contents.items():
            self.write(f"{self.uri}/{name}", body)

    def left_over(self) -> list[str]:
        """Whatever is in the making: staged files, and on S3 uploads that were begun."""
        root = Path(self.uri, "_staging") if self.server is None else self.staging
        staged = [str(path) for path in root.rglob("*") if path.is_file() and path.name != "guard.lock"]
        if self.server is None:
            return staged
        begun = self.server.client().list_multipart_uploads(Bucket=_address(self.uri)["Bucket"])
        return [*staged, *(each["Key"] for each in begun.get("Uploads", []))]

    def runs(self) -> list[Path]:
        """The staging folders that there are."""
        if self.server is None:
            return list(Path(self.uri, "_staging").glob("run-*"))
        return list(self.staging.glob("*/run-*"))


def _address(uri: str) -> dict[str, str]:
    bucket, _, key = uri.removeprefix(_SCHEME).partition("/")
    return {"Bucket": bucket, "Key": key}


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark."""
    config.addinivalue_line("markers", "stores(*kinds): run the test over a store of each of these kinds: disk, s3")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a marked test over each kind, where it has a store at all."""
    mark = metafunc.definition.get_closest_marker("stores")
    if mark and "store_kind" in metafunc.fixturenames:
        metafunc.parametrize("store_kind", mark.args, indirect=True)


@pytest.fixture
def store_kind(request: pytest.FixtureRequest) -> str:
    """``disk`` or ``s3``."""
    kind = getattr(request, "param", "disk")
    assert kind in KINDS
    return str(kind)


@pytest.fixture
def place(store_kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """An empty place for a store; the server is started only where it is on S3."""
    staging = tmp_path / "staging"
    if store_kind == "disk":
        return Place(str(tmp_path / "store"), staging)
    staging.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(staging))
    monkeypatch.setenv("TMPDIR", str(staging))  # for processes that the test starts
    bucket = request.getfixturevalue("bucket")
    return Place(f"{_SCHEME}{bucket}/{STORE_PREFIX}", staging, request.getfixturevalue("s3_server"))
