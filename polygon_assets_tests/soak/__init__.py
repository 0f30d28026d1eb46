"""The soak: thousands of small days with faults of every kind, sensors, readers, replacements and kills, for minutes.

    make soak                                            3,000 days on disk, 1,000 on S3; writes docs/reliability.md
    python -m polygon_assets_tests.soak --share 0.02     sixty days of it, as ``make test`` runs them

Where do I go to…
    see what it does, and what has to hold at the end?   endurance.py
    change the days, or how the bucket misbehaves?       chaos.py, a process of its own
    see who ingests and is killed?                       ingester.py, a process of its own
    see who reads meanwhile?                             readers.py
    see what is measured?                                measures.py
    change what is printed and written?                  __main__.py
"""
