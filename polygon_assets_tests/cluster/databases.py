"""A private PostgreSQL and a private Redis, each with a password, on free ports in a folder of their own."""

import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
import sqlalchemy

from polygon_assets_tests.cluster.programs import Service, give_to, program, running, unprivileged_user
from polygon_assets_tests.servers.seaweed import free_ports


def canary(name: str) -> str:
    """A password that is easy to recognise where it should not be."""
    return f"canary-{name}-{secrets.token_hex(8)}"


@dataclass(frozen=True)
class Database:
    """A running database."""

    service: Service
    port: int
    password: str
    folder: Path

    def url(self) -> str:
        """Of PostgreSQL, as Dagster takes it."""
        return f"postgresql+psycopg2://dagster:{self.password}@127.0.0.1:{self.port}/dagster"

    def redis_url(self, number: int) -> str:
        """Of one of Redis's databases, as Celery takes it."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{number}"

    def start(self) -> None:
        """Start it again on the same data, and wait until it answers."""
        self.service.start()
        self.service.wait_until(self.answers)

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir(mode=0o700)
    give_to(unprivileged_user(), folder)
    return folder


@contextmanager
def postgresql(parent: Path) -> Iterator[Database]:
    """PostgreSQL with a database and a user ``dagster``."""
    user, password, (port,) = unprivileged_user(), canary("postgresql"), free_ports(1)
    folder = _folder(parent, "postgresql")
    secret = folder / "password"
    secret.write_text(password)
    give_to(user, secret)
    identity = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    initialise = [
        program("initdb"), "--pgdata", str(folder / "data"), "--username", "dagster", "--auth", "scram-sha-256",
        "--pwfile", str(secret), "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync",
    ]  # fmt: skip
    subprocess.run(initialise, check=True, capture_output=True, cwd=folder, **identity)  # type: ignore[call-overload]
    secret.unlink()
    options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
    command = [program("postgres"), "-D", str(folder / "data")]
    command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    # SIGINT is its fast shutdown: sessions are cut, as by "systemctl restart".
    service = Service("postgresql", command, folder, user=user, stop_signal=signal.SIGINT)
    database = Database(service, port, password, folder)
    with running(service):
        service.wait_until(database.answers)
        _create(database)
        yield database


def _create(database: Database) -> None:
    url = database.url().removesuffix("/dagster") + "/postgres"
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sqlalchemy.NullPool)

    def create() -> bool:
        try:
            with engine.connect() as connection:
                connection.execute(sqlalchemy.text("CREATE DATABASE dagster"))
        except sqlalchemy.exc.OperationalError:  # it listens before it is ready
            return False
        return True

    database.service.wait_until(create)


def dump(database: Database) -> bytes:
    """Everything in the database, as text."""
    command = [program("pg_dump"), "-h", "127.0.0.1", "-p", str(database.port), "-U", "dagster", "dagster"]
    environment = {"PATH": os.environ["PATH"], "PGPASSWORD": database.password}
    return subprocess.run(command, check=True, capture_output=True, env=environment).stdout


@contextmanager
def redis_server(parent: Path) -> Iterator[Database]:
    """Redis with a password and a journal on disk."""
    user, password, (port,) = unprivileged_user(), canary("redis"), free_ports(1)
    folder = _folder(parent, "redis")
    settings = folder / "redis.conf"
    settings.write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\ndir {folder}\nappendonly yes\nsave ''\n"
        "protected-mode yes\nenable-debug-command no\n"
    )
    settings.chmod(0o600)
    give_to(user, settings)
    service = Service("redis", [program("redis-server"), str(settings)], folder, user=user)
    database = Database(service, port, password, folder)
    with running(service):
        service.wait_until(database.answers)
        yield database


def redis_contents(database: Database) -> bytes:
    """Everything that Redis holds in both databases, keys and serialised values."""
    parts: list[bytes] = []
    for number in (0, 1):
        client: Any = redis.Redis.from_url(database.redis_url(number))
        for key in client.scan_iter():
            parts += [key, _raw(client, key)]
        client.close()
    return b"\n".join(parts)


def _raw(client: Any, key: bytes) -> bytes:
    kinds: dict[bytes, Callable[[], Iterable[bytes]]] = {
        b"string": lambda: [client.get(key)],
        b"list": lambda: client.lrange(key, 0, -1),
        b"set": lambda: client.smembers(key),
        b"hash": lambda: [part for pair in client.hgetall(key).items() for part in pair],
        b"zset": lambda: client.zrange(key, 0, -1),
    }
    return b"\n".join(kinds[client.type(key)]())
