"""What pins the stored form: whoever changes it for a dataset must raise that dataset's schema version."""

import hashlib

import pytest

from polygon_assets.datasets import DATASETS, Dataset
from polygon_assets.flatfile.parquet_format import stored_schema
from polygon_assets.flatfile.quality import CHECKS, RULES, rules_of

FINGERPRINTS = {
    ("stocks_daily", "3"): "b93467ff131054f8",
    ("stocks_minute", "3"): "4273fd3c8f9bc0c2",
    ("stocks_trades", "1"): "d8f85810b6537b6e",
    ("stocks_quotes", "1"): "52d3f6cdbd59b9bd",
    ("options_daily", "3"): "4990da5456f5433c",
    ("options_minute", "3"): "acdbdea1e15ae1ef",
    ("options_trades", "1"): "c50a92041abb8933",
    ("options_quotes", "1"): "431d8e5648f0f17a",
    ("indices_daily", "1"): "00f0015c15c8d9e8",
    ("indices_minute", "1"): "084ddea100157b25",
    ("indices_values", "1"): "1f00c5e0b9e230ad",
    ("forex_daily", "1"): "33fdddf9812f0f8d",
    ("forex_minute", "1"): "e989a912648e6e9c",
    ("forex_quotes", "1"): "050531411da7ae84",
    ("crypto_daily", "1"): "33fdddf9812f0f8d",
    ("crypto_minute", "1"): "e989a912648e6e9c",
    ("crypto_trades", "1"): "df43441c06ce6823",
    ("futures_cme_daily", "2"): "2525cbb7b519f106",
    ("futures_cme_minute", "2"): "8b7ae0b797084024",
    ("futures_cme_trades", "2"): "864e31c7f11ca03c",
    ("futures_cme_quotes", "2"): "86f6dc2fe20952d2",
    ("futures_cbot_daily", "2"): "2525cbb7b519f106",
    ("futures_cbot_minute", "2"): "8b7ae0b797084024",
    ("futures_cbot_trades", "2"): "864e31c7f11ca03c",
    ("futures_cbot_quotes", "2"): "86f6dc2fe20952d2",
    ("futures_comex_daily", "2"): "2525cbb7b519f106",
    ("futures_comex_minute", "2"): "8b7ae0b797084024",
    ("futures_comex_trades", "2"): "864e31c7f11ca03c",
    ("futures_comex_quotes", "2"): "86f6dc2fe20952d2",
    ("futures_nymex_daily", "2"): "2525cbb7b519f106",
    ("futures_nymex_minute", "2"): "8b7ae0b797084024",
    ("futures_nymex_trades", "2"): "864e31c7f11ca03c",
    ("futures_nymex_quotes", "2"): "86f6dc2fe20952d2",
}
"""By dataset and version. A rule that only files can break which were refused before needs no new version."""
WITHOUT_A_VERSION = {"unknown_column", "unterminated"}


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_a_changed_schema_or_rule_raises_the_schema_version_of_its_dataset_alone(dataset: Dataset) -> None:
    rules = sorted(set(rules_of(dataset)) - WITHOUT_A_VERSION)
    fingerprint = hashlib.sha256(repr((str(stored_schema(dataset)), rules)).encode()).hexdigest()[:16]
    known = FINGERPRINTS.get((dataset.name, dataset.schema_version))
    assert known == fingerprint, f"raise the schema_version of {dataset.name} and add its fingerprint here"


def test_every_rule_belongs_to_days_in_general_or_to_one_group() -> None:
    grouped = [rule for group in CHECKS.values() for rule in group.rules]
    assert set(grouped) <= set(RULES)
    assert set().union(*(rules_of(dataset) for dataset in DATASETS.values())) == set(RULES)


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_the_rules_of_contracts_hold_where_contracts_are_derived(dataset: Dataset) -> None:
    derived = dataset.derived.derivation if dataset.derived else None
    assert ("option_contracts" in dataset.checks) == (derived == "option_contract")
    assert ("futures_contracts" in dataset.checks) == (derived == "futures_contract")
