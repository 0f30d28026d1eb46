"""Random plans of faults against the invariant: the bytes are identical, or it is an error.

Never a wrong file, a leftover, a foreign exception, statistics that do not add up, or a hang.
"""

import asyncio
import gzip
import hashlib
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polygon_assets.errors import PolygonAssetsError
from polygon_assets_tests.download.clients import CLIENT_KINDS, Client
from polygon_assets_tests.faults.harness import PREVIOUS, check_error
from polygon_assets_tests.scorecard import Seen
from polygon_assets_tests.servers import faults
from polygon_assets_tests.servers.origin import BUCKET, Fault, Origin, origin, serve

pytestmark = pytest.mark.slow
NEVER = 60.0
"""Seconds after which a download counts as hanging: far beyond its deadline."""
EXAMPLES = 80
numbers = itertools.count()
positions = st.integers(0, 400_000)
FAULTS = st.one_of(
    st.builds(faults.cut_after, positions),
    st.builds(faults.reset_after, positions),
    st.builds(faults.stall_after, positions),
    st.builds(faults.flip, positions),
    st.builds(faults.announce_less, st.integers(1, 1000)),
    st.builds(faults.without_length, positions),
    st.builds(faults.status, st.sampled_from([403, 404, 412, 416, 429, 500, 502, 503, 504])),
    st.sampled_from(
        [
            faults.last_byte_missing,
            faults.empty,
            faults.page(),
            faults.encoded(),
            faults.range_ignored,
            faults.wrong_range,
            serve,
        ]
    ),
)


@dataclass
class Plan:
    """One object and what happens to the requests for it."""

    size: int
    seed: int
    faults: list[Fault]
    replaced: bool
    has_md5: bool
    to_disk: bool


PLANS = st.builds(
    Plan,
    size=st.one_of(st.integers(0, 2000), st.integers(100_000, 400_000)),
    seed=st.integers(0, 2**32),
    faults=st.lists(FAULTS, max_size=6),
    replaced=st.booleans(),
    has_md5=st.booleans(),
    to_disk=st.booleans(),
)


class Bench:
    """A server, both downloaders, and one event loop for all examples."""

    def __init__(self, server: Origin, runner: asyncio.Runner, folder: Path) -> None:
        self.server, self.runner, self.folder = server, runner, folder
        quick: dict[str, Any] = {"timeout": 0.15, "deadline": 20, "backoff_base": 0.0005, "max_retries": 4}
        self.clients = {
            kind: Client.of(kind, server.credentials, server.endpoint_url, **quick) for kind in CLIENT_KINDS
        }

    def try_out(self, plan: Plan, kind: Any) -> None:
        """Run one plan and check the invariant."""
        key = f"fuzz/{next(numbers)}.csv.gz"
        contents = [random.Random(plan.seed + n).randbytes(plan.size) for n in range(2)]
        bodies = [gzip.compress(content, 1, mtime=0) for content in contents]
        etags = [hashlib.md5(body).hexdigest() + ("" if plan.has_md5 else "-2") for body in bodies]  # noqa: S324
        troubles = list(plan.faults)
        if plan.replaced and troubles:
            troubles[0] = faults.replaced_by(bodies[1], etags[1], troubles[0])
        self.server.store(key, bodies[0], *troubles, etag=etags[0])
        client = self.clients[kind]
        before = client.statistics()
        found = self.runner.run(asyncio.wait_for(self._download(client, key, to_disk=plan.to_disk), NEVER))
        assert found is None or found in contents
        if not plan.replaced:
            assert found in {None, contents[0]}
        if not plan.faults:
            assert found == contents[0], "without a fault nothing may fail"
        after = client.statistics()
        assert after["total_downloads"] == before["total_downloads"] + 1
        assert after["successful_downloads"] == before["successful_downloads"] + (found is not None)
        assert after["total_downloads"] == after["successful_downloads"] + after["failed_downloads"]

    async def _download(self, client: Client, key: str, *, to_disk: bool) -> bytes | None:
        target = self.folder / "data.csv"
        target.write_bytes(PREVIOUS)
        try:
            if to_disk:
                return (await client.save(BUCKET, key, target)).read_bytes()
            return (await client.get(BUCKET, key)).read()
        except PolygonAssetsError as error:
            check_error(error, key)
            assert target.read_bytes() == PREVIOUS
            return None
        finally:
            assert [entry.name for entry in self.folder.iterdir()] == ["data.csv"]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with origin() as server, asyncio.Runner() as runner:
        made = Bench(server, runner, tmp_path_factory.mktemp("fuzz"))
        yield made
        for client in made.clients.values():
            runner.run(client.__aexit__(None, None, None))


@pytest.mark.scorecard("fuzz")
@pytest.mark.parametrize("kind", CLIENT_KINDS, ids=["async", "sync"])
def test_random_plans(bench: Bench, seen: Seen, kind: Any) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=True,
    )
    @given(plan=PLANS)
    def holds(plan: Plan) -> None:
        bench.try_out(plan, kind)

    holds()
    seen(f"{EXAMPLES} plans for each class: identical bytes or an error of our own; no leftover, no hang")
