"""Downloads to disk: our two downloaders, s5cmd, and boto3 with threads; on loopback and behind a slow link."""

import shutil
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from benchmarks.content import check_bytes
from benchmarks.files import CATALOG, Extent, day_of, environment
from benchmarks.processes import WORK, Figure, Outcome, alternate, ours, peer, ratio, run
from benchmarks.results import Result, Row, Target
from benchmarks.slow_link import slow_link
from polygon_assets_tests.servers.seaweed import S3Server

ASYNC_8, ASYNC_32 = "AsyncS3Downloader, 8 at once", "AsyncS3Downloader, 32 at once"
UNVERIFIED = "AsyncS3Downloader, 8 at once, verify_md5='never'"
"""What the peers do: to see what of the difference is the checksum."""
SYNC = "SyncS3Downloader"
S5CMD_8, S5CMD_32 = "s5cmd, 8 at once", "s5cmd, 32 at once"
BOTO3 = "boto3, 8 threads"
BOUNDS = {"stocks_daily": 0.5, "stocks_minute": 0.6}
"""Of s5cmd's rate on loopback, where CPU alone counts."""
SYNC_SHARE = 4
"""Behind the slow link the sequential downloader gets this part of the objects only: its rate is what counts."""


def measure(extent: Extent, files: dict[str, list[Path]], server: S3Server) -> list[Result]:
    """One result for each size of object and each link."""
    return [
        _Race(dataset, files[dataset], server, slow=slow).result(2 if extent.quick else 3)
        for dataset in BOUNDS
        for slow in (False, True)
    ]


class _Race:
    """The contestants on the objects of one dataset, over one link."""

    def __init__(self, dataset: str, paths: list[Path], server: S3Server, *, slow: bool) -> None:
        self._dataset, self._paths, self._server, self._slow = dataset, paths, server, slow
        self._bytes = sum(path.stat().st_size for path in paths)
        self._where = "behind 40 ms and 20 MB/s a connection" if slow else "on loopback"
        self.title = f"Download, {len(paths)} × {self._bytes / len(paths) / 1e6:.1f} MB, {self._where}"

    def result(self, rounds: int) -> Result:
        print(self.title, flush=True)
        with slow_link(self._server.endpoint_url) if self._slow else nullcontext(self._server.endpoint_url) as url:
            variables = environment(self._server, url)
            outcomes = alternate(
                {
                    ASYNC_8: partial(self._race, "async", 8, variables),
                    SYNC: partial(self._race, "sync", 1, variables),
                    S5CMD_8: partial(self._race, "s5cmd", 8, variables),
                    BOTO3: partial(self._race, "boto3", 8, variables),
                    ASYNC_32: partial(self._race, "async", 32, variables),
                    S5CMD_32: partial(self._race, "s5cmd", 32, variables),
                    UNVERIFIED: partial(self._race, "async-unverified", 8, variables),
                },
                rounds,
            )
        rows = [Row.inside(name, runs, more=f"{self._rate(runs):.0f} MB/s") for name, runs in outcomes.items()]
        return Result(self.title, rows, self._targets(outcomes))

    def _race(self, kind: str, concurrency: int, variables: dict[str, str]) -> Outcome:
        folder = WORK / "out" / "downloaded"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        paths = self._paths
        if kind == "sync" and self._slow:
            paths = paths[: max(2, len(paths) // SYNC_SHARE)]
        keys = [CATALOG.get_key(self._dataset, day_of(path)) for path in paths]
        command = ours if kind in ("async", "async-unverified", "sync") else peer
        outcome = run(command("download", kind, str(concurrency), folder, *keys), variables)
        for path in paths:
            check_bytes(folder / path.name, path)
        size = sum(path.stat().st_size for path in paths)
        return Outcome(outcome.wall, outcome.cpu, {**outcome.answer, "rate": size / outcome.answer["wall"]})

    def _rate(self, runs: list[Outcome]) -> float:
        return Figure.of([each.answer["rate"] for each in runs]).median / 1e6

    def _targets(self, outcomes: dict[str, list[Outcome]]) -> list[Target]:
        rates = {name: [each.answer["rate"] for each in runs] for name, runs in outcomes.items()}
        wanted: list[tuple[str, str, float | None]] = [(ASYNC_8, S5CMD_8, 0.9 if self._slow else BOUNDS[self._dataset])]
        wanted += [(ASYNC_32, S5CMD_32, None), (UNVERIFIED, S5CMD_8, None)]
        if self._slow:
            wanted += [(ASYNC_8, SYNC, 5.0), (ASYNC_32, SYNC, None)]
        targets = []
        for mine, other, bound in wanted:
            figure = ratio(rates[mine], rates[other])
            reached = f"{figure.median:.2f} × ({figure.lowest:.2f}–{figure.highest:.2f})"
            met = None if bound is None else figure.median >= bound
            name = f"rate of {mine} against {other}, {len(self._paths)} objects {self._where}"
            targets.append(Target(name, reached, f"≥ {bound:g} ×" if bound else "reported", met))
        return targets
