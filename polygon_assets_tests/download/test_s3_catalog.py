"""``S3Catalog``: the specification's promises, then what it left open."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polygon_assets.datasets import DATASETS
from polygon_assets.download import S3Catalog

DATES = st.dates(dt.date(1990, 1, 1), dt.date(2100, 1, 1)).map(dt.date.isoformat)


def test_the_keys_of_the_specification() -> None:
    catalog = S3Catalog()
    assert catalog.bucket == "flatfiles"
    assert catalog.get_stocks_daily_key("2024-01-02") == "us_stocks_sip/day_aggs_v1/2024/01/2024-01-02.csv.gz"
    assert catalog.get_stocks_minute_key("2024-01-02") == "us_stocks_sip/minute_aggs_v1/2024/01/2024-01-02.csv.gz"
    assert catalog.get_options_daily_key("2024-01-02") == "us_options/day_aggs_v1/2024/01/2024-01-02.csv.gz"
    assert catalog.get_options_minute_key("2024-01-02") == "us_options/minute_aggs_v1/2024/01/2024-01-02.csv.gz"


def test_a_range_holds_the_trading_days_of_january_2024() -> None:
    keys = S3Catalog().get_date_range_keys("stocks_daily", "2024-01-01", "2024-01-31")
    assert len(keys) == 21
    assert keys[0] == "us_stocks_sip/day_aggs_v1/2024/01/2024-01-02.csv.gz"
    assert keys[-1] == "us_stocks_sip/day_aggs_v1/2024/01/2024-01-31.csv.gz"
    assert not any("2024-01-15" in key for key in keys)


def test_symbols_change_no_key() -> None:
    catalog = S3Catalog()
    plain = catalog.get_date_range_keys("options_daily", "2024-01-02", "2024-01-05")
    assert catalog.get_date_range_keys("options_daily", "2024-01-02", "2024-01-05", ["AAPL"]) == plain


def test_missing_dates_of_the_specification() -> None:
    missing = S3Catalog.get_missing_dates(["2024-01-02", "2024-01-03"], "2024-01-01", "2024-01-05")
    assert missing == ["2024-01-04", "2024-01-05"]


def test_business_days_have_both_ends() -> None:
    assert S3Catalog.get_business_days("2024-01-02", "2024-01-03") == ["2024-01-02", "2024-01-03"]
    assert S3Catalog.get_business_days("2024-01-06", "2024-01-07") == []


def test_metadata_of_the_specification() -> None:
    metadata = S3Catalog().parse_key_metadata("us_stocks_sip/day_aggs_v1/2024/01/2024-01-02.csv.gz")
    assert metadata == {"data_type": "stocks_daily", "date": "2024-01-02", "year": "2024", "month": "01"}


@given(st.sampled_from(sorted(DATASETS)), DATES, st.sampled_from(["us_options", "us_options_opra", "elsewhere"]))
def test_every_key_that_is_made_is_understood(data_type: str, date: str, options_prefix: str) -> None:
    catalog = S3Catalog(options_prefix=options_prefix)
    metadata = catalog.parse_key_metadata(catalog.get_key(data_type, date))
    assert metadata == {"data_type": data_type, "date": date, "year": date[:4], "month": date[5:7]}


@pytest.mark.parametrize("prefix", ["us_options", "us_options_opra"])
def test_the_specified_and_the_live_options_prefix_are_understood(prefix: str) -> None:
    assert S3Catalog().validate_key(f"{prefix}/day_aggs_v1/2024/01/2024-01-02.csv.gz")


@pytest.mark.parametrize(
    "key",
    [
        "us_stocks_sip/day_aggs_v1/2024/02/2024-01-02.csv.gz",
        "us_stocks_sip/day_aggs_v1/2024/02/2024-02-30.csv.gz",
        "us_stocks_sip/day_aggs_v1/2024/01/2024-01-02.csv.gz.part",
        "us_stocks_sip/day_aggs_v1/2024/01/2024-01-02.csv",
        "us_stocks_sip/day_aggs_v1/2024/01/2024-01-02.csv.gz\n",
        "/us_stocks_sip/day_aggs_v1/2024/01/2024-01-02.csv.gz",
        "us_stocks_sip/../day_aggs_v1/2024/01/2024-01-02.csv.gz",
        "us_stocks_sip/ticks_v1/2024/01/2024-01-02.csv.gz",
        "us_stocks_sip/day_aggs_v1/2024/01/../../../etc/passwd",
        "",
    ],
)
def test_other_keys_are_unknown(key: str) -> None:
    catalog = S3Catalog()
    assert not catalog.validate_key(key)
    with pytest.raises(ValueError, match="Unknown key pattern"):
        catalog.parse_key_metadata(key)


@given(st.text(max_size=80))
def test_no_text_breaks_validation(text: str) -> None:
    assert S3Catalog().validate_key(text) is False


def test_a_summary_counts_types_and_what_is_invalid() -> None:
    catalog = S3Catalog()
    keys = [catalog.get_stocks_daily_key("2024-01-02"), catalog.get_stocks_daily_key("2024-01-03")]
    assert catalog.get_summary(keys) == {"total": 2, "stocks_daily": 2}
    assert catalog.get_summary([*keys, "nonsense"]) == {"total": 3, "stocks_daily": 2, "invalid": 1}
    assert catalog.get_summary([]) == {"total": 0}


@pytest.mark.scorecard(35)
@pytest.mark.parametrize("date", ["../../etc", "20240102", "2024-W01-2", "٢٠٢٤-٠١-٠٢", "2024-02-30", ""])
def test_what_is_no_date_is_refused(date: str) -> None:
    catalog = S3Catalog()
    for call in (
        catalog.get_stocks_daily_key,
        lambda text: catalog.get_date_range_keys("stocks_daily", text, "2024-01-05"),
        lambda text: S3Catalog.get_business_days("2024-01-01", text),
        lambda text: S3Catalog.get_missing_dates([text], "2024-01-01", "2024-01-05"),
    ):
        with pytest.raises(ValueError, match="Invalid date"):
            call(date)


def test_a_start_after_its_end_is_refused() -> None:
    with pytest.raises(ValueError, match="lies after"):
        S3Catalog.get_business_days("2024-01-05", "2024-01-01")


def test_an_unknown_type_is_refused_for_an_empty_range_too() -> None:
    with pytest.raises(ValueError, match="Invalid data_type: 'trades'; choose one of stocks_daily, stocks_minute"):
        S3Catalog().get_date_range_keys("trades", "2024-01-06", "2024-01-07")


def test_beyond_the_horizon_the_error_names_it() -> None:
    with pytest.raises(ValueError, match="horizon"):
        S3Catalog.get_business_days("2024-01-01", "2200-01-01")
    with pytest.raises(ValueError, match="2003-01-01"):
        S3Catalog.get_business_days("1999-01-04", "2024-01-01")


@pytest.mark.parametrize("prefix", ["", "a/b", "..", ".", "us_stocks_sip", None])
def test_an_options_prefix_is_one_folder(prefix: str) -> None:
    with pytest.raises(ValueError, match="options_prefix"):
        S3Catalog(options_prefix=prefix)


@pytest.mark.parametrize("bucket", ["", "a/b", "a b", None, 5])
def test_a_bucket_is_a_name(bucket: str) -> None:
    with pytest.raises(ValueError, match="Invalid bucket"):
        S3Catalog(bucket)


def test_extra_closures_leave_ranges() -> None:
    catalog = S3Catalog(extra_closures=["2024-01-03"])
    assert len(catalog.get_date_range_keys("stocks_daily", "2024-01-02", "2024-01-04")) == 2
