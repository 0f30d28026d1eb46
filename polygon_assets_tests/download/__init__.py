"""Tests of ``polygon_assets.download`` against a real S3 server; servers that misbehave are in ``faults``."""
