"""Backfills through the real webserver and daemon: what they leave behind, and that they end."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import dagster as dg
import pytest

from polygon_assets.download import S3Catalog
from polygon_assets_tests.platforms import Platform
from polygon_assets_tests.servers.asking import asked
from polygon_assets_tests.servers.dagster_site import Site
from polygon_assets_tests.serving.site.conftest import Served

pytestmark = pytest.mark.slow
DAYS = S3Catalog.get_business_days("2026-11-02", "2026-11-09")
GOOD, BROKEN, UNPUBLISHED = [DAYS[0], *DAYS[2:4], DAYS[5]], DAYS[1], DAYS[4]


@dataclass(frozen=True)
class Backfilled:
    """A platform after one backfill of a range with good days, a broken and an unpublished one, and one without."""

    platform: Platform
    site: Site
    mixed: str
    """Of stocks_daily."""
    unbroken: str
    """Of options_daily, where a day is not published and none is broken."""

    def times_stored(self, dataset: str, day: str) -> int:
        """How often Dagster was told that a partition arrived."""
        wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(dataset), asset_partitions=[day])
        return len(self.platform.instance.fetch_materializations(wanted, limit=10).records)


@pytest.fixture(scope="module")
def done(served: Served) -> Backfilled:
    """Both backfills have ended."""
    platform, site = served
    platform.publish("stocks_daily", GOOD)
    platform.put_broken("stocks_daily", BROKEN)
    platform.publish("options_daily", [*GOOD, BROKEN])
    mixed, unbroken = (site.backfill([dataset], DAYS) for dataset in ("stocks_daily", "options_daily"))
    for backfill in (mixed, unbroken):
        site.wait_for_backfill(backfill)
    return Backfilled(platform, site, mixed, unbroken)


def test_good_days_arrive_bad_ones_fail_and_unpublished_ones_stay_missing(done: Backfilled) -> None:
    assert done.platform.partition_statuses("stocks_daily") == (GOOD, [BROKEN])
    (run,) = done.site.runs(done.mixed)
    assert run["status"] == "FAILURE"
    assert run["tags"]["dagster/asset_partition_range_start"] == DAYS[0]
    assert run["tags"]["dagster/asset_partition_range_end"] == DAYS[-1]


LAUNCH = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
    ... on RunConfigValidationInvalid { errors { message } } } }"""


def launch(config: dict[str, Any], **headers: str) -> dict[str, Any]:
    """What a page would send to have a run started."""
    params = {
        "selector": {
            "repositoryLocationName": "polygon_assets",
            "repositoryName": "__repository__",
            "jobName": "__ASSET_JOB",
            "assetSelection": [{"path": ["stocks_daily"]}],
        },
        "runConfigData": config,
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": GOOD[0]}]},
    }
    return {"query": LAUNCH, "variables": {"params": params}, **headers}


def test_a_run_that_would_redirect_the_keys_is_refused_by_the_web_interface(done: Backfilled) -> None:
    stolen = {"access_key_id": {"env": "POLYGON_SECRET_ACCESS_KEY"}, "endpoint_url": "http://127.0.0.1:1"}
    for config in ({"polygon_downloader": {"config": stolen}}, {"polygon_store": {"config": {"uri": "/elsewhere"}}}):
        runs = done.platform.instance.get_runs_count()
        launched = done.site.ask(**_as_variables(launch({"resources": config})))["launchRun"]
        assert launched["__typename"] == "RunConfigValidationInvalid"
        assert "unexpected config entr" in launched["errors"][0]["message"]
        assert done.platform.instance.get_runs_count() == runs


def _as_variables(asked: dict[str, Any]) -> dict[str, Any]:
    return {"query": asked["query"], **asked["variables"]}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Type": "application/json", "Origin": "http://127.0.0.1:1"}, 403),
        ({"Content_Type": "application/json", "Origin": "null"}, 403),
        ({"Content_Type": "application/json", "Host": "evil.example:3000"}, 403),
        ({"Content_Type": "application/json", "Sec_Fetch_Site": "same-site"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content_Type": "application/graphql"}, 415),
        ({}, 415),
    ],
)
def test_what_another_site_can_send_starts_nothing(done: Backfilled, headers: dict[str, str], status: int) -> None:
    runs = done.platform.instance.get_runs_count()
    body = json.dumps(launch({})).encode()
    assert asked(done.site.url, "POST", "/graphql", body, **headers)[0] == status
    assert done.platform.instance.get_runs_count() == runs


def test_a_mutation_by_get_starts_nothing(done: Backfilled) -> None:
    """As an image of a ticker's Markdown once asked."""
    runs = done.platform.instance.get_runs_count()
    wanted = launch({})
    path = "/graphql?" + urlencode({"query": wanted["query"], "variables": json.dumps(wanted["variables"])})
    assert asked(done.site.url, "GET", path)[0] == 405
    assert done.platform.instance.get_runs_count() == runs


def test_a_failed_day_is_not_tried_again_by_itself(done: Backfilled) -> None:
    (run,) = done.site.runs(done.mixed)
    assert run["tags"]["dagster/will_retry"] == "false"


def test_days_that_are_not_published_fail_no_run(done: Backfilled) -> None:
    assert done.platform.partition_statuses("options_daily") == (sorted([*GOOD, BROKEN]), [])
    assert [run["status"] for run in done.site.runs(done.unbroken)] == ["SUCCESS"]


def test_upstream_a_backfill_that_leaves_days_missing_ends_as_failed(done: Backfilled) -> None:
    """Dagster looks once more after the last run, and says so instead of waiting for ever."""
    assert done.site.wait_for_backfill(done.mixed) == "COMPLETED_FAILED"
    assert done.site.wait_for_backfill(done.unbroken) == "COMPLETED_FAILED"


def test_checks_stand_on_their_partitions(done: Backfilled) -> None:
    checks = done.platform.checks("stocks_daily")
    for day in GOOD:
        assert checks["readable", day]
        assert checks["plausible", day]
    assert not checks["readable", BROKEN]
    assert ("plausible", BROKEN) not in checks
    assert ("readable", UNPUBLISHED) not in checks


def test_what_failed_is_asked_for_again_alone(done: Backfilled) -> None:
    done.platform.publish("stocks_daily", [BROKEN, UNPUBLISHED])
    again = done.site.backfill_what_failed(done.mixed)
    assert done.site.wait_for_backfill(again) == "COMPLETED_SUCCESS"
    assert done.platform.partition_statuses("stocks_daily") == (DAYS, [])
    assert [done.times_stored("stocks_daily", day) for day in DAYS] == [1] * len(DAYS)
    for day in (BROKEN, UNPUBLISHED):
        metadata = done.platform.metadata("stocks_daily", day)
        assert (metadata["status"], metadata["total_downloads"]) == ("published", 1)
    assert done.platform.checks("stocks_daily")["readable", BROKEN]
