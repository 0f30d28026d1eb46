"""Dagster on top of ``ingest``: one concept a module, each thin.

Where do I go to…
    see which parts there are, or put them elsewhere?    assembly.py; in YAML: component.py
    change names, keys and looks?                        scope.py
    change assets, checks and what they show?            assets/
    change sensors, freshness, notifications?            watching/
    change partitions or resources?                      partitions.py, resources.py
    see which days Dagster shows and a store has lost?   lost_days.py
    see what leans on Dagster's private modules?         dagster_internals.py, and what follows
    keep Dagster's history?                              sqlite_storage.py, postgres_storage.py; its locks: home_lock.py
    see which days it shows, without importing Dagster?  known_days.py
    run on many machines?                                celery_launcher.py, celery_worker.py

The last two lines' modules are named in users' ``dagster.yaml``: they stay where they are.

Does not belong here: how a day is fetched, converted or judged (``download``, ``flatfile``, ``ingest``), or reading
the environment (``definitions`` does, through ``settings``).
"""
