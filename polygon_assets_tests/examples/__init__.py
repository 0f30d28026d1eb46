"""Tests of examples/: the project downstream of the platform."""
