"""Tests of ``polygon_assets.ingest``."""
