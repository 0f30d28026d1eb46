"""What pins the stored form: whoever changes it for a dataset must raise that dataset's schema version."""

import hashlib

import pytest

from polygon_assets.datasets import DATASETS, Dataset
from polygon_assets.flatfile.quality import CHECKS, RULES, rules_of
from polygon_assets.flatfile.schema import stored_schema

FINGERPRINTS = {
    ("stocks_daily", "3"): "b93467ff131054f8",
    ("stocks_minute", "3"): "4273fd3c8f9bc0c2",
    ("options_daily", "3"): "4990da5456f5433c",
    ("options_minute", "3"): "acdbdea1e15ae1ef",
}
"""By dataset and version. A rule that only files can break which were refused before needs no new version."""
WITHOUT_A_VERSION = {"unknown_column"}


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_a_changed_schema_or_rule_raises_the_schema_version_of_its_dataset_alone(dataset: Dataset) -> None:
    rules = sorted(set(rules_of(dataset)) - WITHOUT_A_VERSION)
    fingerprint = hashlib.sha256(repr((str(stored_schema(dataset)), rules)).encode()).hexdigest()[:16]
    known = FINGERPRINTS.get((dataset.name, dataset.schema_version))
    assert known == fingerprint, f"raise the schema_version of {dataset.name} and add its fingerprint here"


def test_every_rule_belongs_to_days_in_general_or_to_one_group() -> None:
    grouped = [rule for group in CHECKS.values() for rule in group.rules]
    assert len(grouped) == len(set(grouped))
    assert set().union(*(rules_of(dataset) for dataset in DATASETS.values())) == set(RULES)


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=DATASETS)
def test_the_rules_of_contracts_hold_where_contracts_are_derived(dataset: Dataset) -> None:
    assert ("option_contracts" in dataset.checks) == (dataset.derived is not None)
