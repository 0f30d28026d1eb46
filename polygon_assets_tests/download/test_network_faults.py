"""Certificates and proxies that stand in the way: named, with what helps, at the first attempt.

Once, a variable that names a missing file was "[Errno 2] No such file or directory", and a proxy that asks for a login
was a connection that failed and is tried again.
"""

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from polygon_assets.download.async_downloader import AsyncS3Downloader
from polygon_assets.download.sync_downloader import SyncS3Downloader
from polygon_assets.errors import RequestRejectedError, TransferError, UnavailableError
from polygon_assets_tests.download.clients import CLIENT_KINDS, Client

Kind = type[AsyncS3Downloader] | type[SyncS3Downloader]
kinds = pytest.mark.parametrize("kind", CLIENT_KINDS, ids=["async", "sync"])
KEYS = {"access_key_id": "key", "secret_access_key": "canary-4f1c2b7e"}
ELSEWHERE = "https://files.example"


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


class Listener:
    """Counts connections, and lets something be done with each."""

    def __init__(self, answer: bytes, tls: ssl.SSLContext | None = None) -> None:
        self.connections = 0
        self._answer, self._tls = answer, tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.settimeout(10)
            with connection, suppress(OSError):
                if self._tls:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                connection.recv(65_536)
                connection.sendall(self._answer)

    def stop(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextmanager
def listener(answer: bytes = b"", tls: ssl.SSLContext | None = None) -> Iterator[Listener]:
    server = Listener(answer, tls)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(10)


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate that nobody has signed but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(1))
        .not_valid_after(now + dt.timedelta(1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


async def refusal(kind: Kind, endpoint_url: str) -> TransferError:
    async with Client.of(kind, KEYS, endpoint_url) as client:
        with pytest.raises(TransferError) as told:
            await client.head("bucket", "key")
    return told.value


@kinds
async def test_a_certificate_that_is_not_trusted(kind: Kind, self_signed: ssl.SSLContext) -> None:
    with listener(tls=self_signed) as server:
        error = await refusal(kind, f"https://127.0.0.1:{server.port}")
        assert server.connections == 1
    assert isinstance(error, RequestRejectedError)
    assert error.attempts == 1
    assert "certificate is not trusted" in str(error)
    assert "AWS_CA_BUNDLE" in str(error)


@kinds
@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
async def test_a_variable_that_names_a_missing_file(
    kind: Kind, variable: str, self_signed: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "gone.pem"))
    with listener(tls=self_signed) as server:
        error = await refusal(kind, f"https://127.0.0.1:{server.port}")
    assert isinstance(error, RequestRejectedError)
    assert error.attempts == 1
    assert f"{variable} names {tmp_path / 'gone.pem'}, which is not there" in str(error)


@kinds
@pytest.mark.parametrize(
    ("status", "said"), [("407 Proxy Authentication Required", "asks for a login"), ("403 Forbidden", "NO_PROXY")]
)
async def test_a_proxy_that_refuses(kind: Kind, status: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with listener(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:canary-pass@127.0.0.1:{proxy.port}")
        error = await refusal(kind, ELSEWHERE)
        assert proxy.connections == 1
    assert isinstance(error, RequestRejectedError)
    assert said in str(error)
    assert status[:3] in str(error)
    assert "canary" not in str(error)


@kinds
async def test_a_proxy_that_fails_for_the_moment_is_asked_again(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    with listener(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        error = await refusal(kind, ELSEWHERE)
    assert isinstance(error, UnavailableError)
    assert error.attempts > 1
    assert "the proxy answered 503" in str(error)


@kinds
async def test_a_proxy_that_is_not_there(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    with listener() as gone:
        port = gone.port
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:canary-pass@127.0.0.1:{port}")
    error = await refusal(kind, ELSEWHERE)
    assert isinstance(error, UnavailableError)
    assert error.attempts == 1
    assert "the proxy does not answer: check HTTPS_PROXY" in str(error)
    assert "canary" not in str(error)
