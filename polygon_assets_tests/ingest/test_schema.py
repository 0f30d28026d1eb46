"""What pins the stored form: whoever changes it must raise the schema version."""

import hashlib

from polygon_assets.datasets import DATASETS
from polygon_assets.ingest.quality import RULES
from polygon_assets.ingest.schema import SCHEMA_VERSION, stored_schema

FINGERPRINTS = {"1": "79823c7013d49358", "2": "d6e06add49e40b42", "3": "654f82a185d0930d"}


def test_a_changed_schema_or_rule_raises_the_schema_version() -> None:
    stored = [str(stored_schema(dataset)) for dataset in DATASETS.values()]
    fingerprint = hashlib.sha256(repr((stored, sorted(RULES))).encode()).hexdigest()[:16]
    assert FINGERPRINTS.get(SCHEMA_VERSION) == fingerprint, "raise SCHEMA_VERSION and add its fingerprint here"
