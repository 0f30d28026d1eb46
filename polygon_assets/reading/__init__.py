"""What is published → answers: for notebooks, commands and pictures. Knows nothing of Dagster or the environment.

Where do I go to…
    know which days are stored, missing or flagged?      inventory.py
    compare the store with what the bucket lists?        comparison.py

Does not belong here: making files (``ingest``), or printing answers (``cli``).
"""
