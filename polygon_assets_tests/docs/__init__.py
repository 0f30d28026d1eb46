"""Tests of docs/: pages that follow from the code do, and every command in the others runs."""
