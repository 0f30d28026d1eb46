"""Dagster on top of ``ingest``: one concept a module, each thin.

Where do I go to…
    see which parts there are?                           assembly.py
    change how days become events?                       assets.py, recording.py; what an event shows: metadata.py
    change checks?                                       checks.py
    change sensors, freshness, notifications?            watching/
    change partitions or resources?                      partitions.py, resources.py
    change the coverage picture, or years' files?        coverage.py, roll_up_assets.py
    keep Dagster's history?                              sqlite_storage.py, postgres_storage.py; its locks: home_lock.py
    run on many machines?                                celery_launcher.py, celery_worker.py

Does not belong here: how a day is fetched, converted or judged (``download``, ``flatfile``, ``ingest``), or reading
the environment (``definitions`` does, through ``settings``).
"""
