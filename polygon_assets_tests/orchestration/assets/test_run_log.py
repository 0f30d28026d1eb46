"""A run's log, as it is stored and shown: what it says of days, and nothing that is no news."""

import logging

import dagster as dg
import pytest

from polygon_assets_tests.platforms import QUIET, Made, Platform

DAYS = ["2026-11-02", "2026-11-03", "2026-11-04"]


def lines(platform: Platform, level: int) -> list[str]:
    """What the newest run's log says at ``level``, oldest first."""
    (run,) = platform.instance.get_runs(limit=1)
    entries = [entry for entry in platform.instance.all_logs(run.run_id) if entry.level == level]
    return [entry.user_message or str(entry.get_dagster_event().message) for entry in entries]


@pytest.fixture
def platform_of_two_days(made: Made) -> Platform:
    def make(platform: Platform) -> None:
        platform.publish("stocks_daily", DAYS[:2])
        assert platform.run("stocks_daily", DAYS[:2]).success, platform.why()

    return made("a run of two days", make)


def test_a_good_run_says_what_became_of_each_day_and_nothing_else(platform_of_two_days: Platform) -> None:
    """Each run once said that the op 'did not yield or return expected outputs', and named its four checks."""
    said = lines(platform_of_two_days, logging.INFO)
    assert sorted(said) == [f"{day}: published, 20 rows, 20 symbols" for day in DAYS[:2]]
    assert not lines(platform_of_two_days, logging.WARNING)
    assert not lines(platform_of_two_days, logging.ERROR)


def test_each_check_says_of_which_day_it_is(platform_of_two_days: Platform) -> None:
    """A range's checks once read alike, and what was not readable had no cause."""
    platform = platform_of_two_days
    said = lines(platform, logging.DEBUG)
    for name in ("readable", "plausible", "row_count"):
        of_days = [line for line in said if line.startswith(f"Asset check '{name}'")]
        assert [day for day in DAYS[:2] if sum(f"'{day}: " in line for line in of_days) != 1] == []
    platform.put_broken("stocks_daily", DAYS[2])
    platform.run("stocks_daily", DAYS)
    (refused,) = (line for line in lines(platform, logging.DEBUG) if "'readable'" in line and "did not pass" in line)
    assert f"'{DAYS[2]}: " in refused
    assert "expected the columns" in refused
    assert len(lines(platform, logging.ERROR)) == 2  # the step, the run
    assert any(line.startswith(f"{DAYS[2]}: refused: ") for line in lines(platform, logging.WARNING))


def test_a_run_that_lacks_a_day_says_so_and_no_more(platform_of_two_days: Platform) -> None:
    platform_of_two_days.run("stocks_daily", DAYS)
    assert len(lines(platform_of_two_days, logging.INFO)) == 2
    (waiting,) = lines(platform_of_two_days, logging.WARNING)
    assert waiting.startswith(f"{DAYS[2]}: not published yet: ")


def test_a_run_of_checks_alone_is_quiet_and_writes_each_once(platform_of_two_days: Platform) -> None:
    platform = platform_of_two_days
    keys = {dg.AssetCheckKey(dg.AssetKey("stocks_daily"), name) for name in ("readable", "plausible", "row_count")}
    job = platform.definitions().resolve_implicit_global_asset_job_def().get_subset(asset_check_selection=keys)
    done = job.execute_in_process(
        instance=platform.instance,
        tags={"dagster/asset_partition_range_start": DAYS[0], "dagster/asset_partition_range_end": DAYS[1]},
        run_config=QUIET,
    )
    written = [(each.check_name, each.partition) for each in done.get_asset_check_evaluations()]
    assert not lines(platform, logging.INFO)
    assert len(written) == len(set(written))
    assert {(key.name, day) for key in keys for day in DAYS[:2]} <= set(written)


def test_a_run_of_a_year_says_what_it_made(platform_of_two_days: Platform) -> None:
    """It once said nothing at all."""
    platform = platform_of_two_days
    key = dg.AssetKey("stocks_daily_by_year")
    job = platform.definitions().resolve_implicit_global_asset_job_def().get_subset(asset_selection={key})
    assert job.execute_in_process(instance=platform.instance, partition_key="2026", run_config=QUIET).success
    (said,) = lines(platform, logging.INFO)
    assert said == f"{platform.place.uri}/_by_year/stocks_daily/year=2026/data.parquet: days 2, rows 40"
