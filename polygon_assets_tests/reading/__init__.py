"""Tests of ``polygon_assets.reading``."""
