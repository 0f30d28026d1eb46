"""Tests of ``polygon_assets.reference``, against a real HTTP server that pages as the vendor does."""
