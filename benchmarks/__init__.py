"""Measurements: ratios in one run, side by side; none of it is a test.

Belongs here: what is measured and how it is told. Does not: anything that the platform needs.
"""
