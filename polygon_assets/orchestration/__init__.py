"""Dagster on top of ``ingest``: partitions, assets, resources, checks, sensors; one concept a module, each thin.

Belongs here: what Dagster must be told, and how its events are written.
Does not: how a day is fetched, converted or judged (``download``, ``ingest``), or reading the environment
(``definitions`` does, through ``settings``).
"""
