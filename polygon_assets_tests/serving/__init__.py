"""Tests of ``polygon_assets.serving``."""
