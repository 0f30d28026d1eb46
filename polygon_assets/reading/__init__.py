"""What is published → answers: for notebooks, commands and pictures. Knows nothing of Dagster.

Where do I go to…
    read rows by day, ticker and session?                scanning.py (``polygon_assets.scan``)
    adjust for splits and dividends?                     adjusting.py; by how much: factors.py
    have bars of another length?                         bars.py (``polygon_assets.bars``)
    ask in SQL?                                          queries.py; adjusted bars: adjusted_views.py
    say that what was asked for is not stored?           absent.py
    know which days are stored, missing or flagged?      inventory.py; drawn: pictures.py
    see a day at a glance?                               previews.py
    compare the store with what the bucket lists?        comparison.py
    compare stored datasets with each other?             cross/

Does not belong here: making files (``ingest``), or printing answers (``cli``).
"""
