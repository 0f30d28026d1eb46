"""Tests of the Dagster side, on real instances and a real S3 server."""
