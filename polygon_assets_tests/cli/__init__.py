"""Tests of ``polygon_assets.cli``: what a user types, sees and gets as an exit code."""
