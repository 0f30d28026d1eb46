"""Tests of the modules that everything else builds on."""
