"""The vendor's REST API → splits and dividends as two small Parquet tables of the store. Knows nothing of Dagster.

Where do I go to…
    see the columns, and what makes an event unusable?   events.py
    see how pages are asked for, and what fails?         vendor_api.py
    find, read or write a table of the store?            tables.py
    bring the tables up to date?                         refreshing.py
    find the close before a dividend?                    closes.py

Does not belong here: what events do to prices (``reading``).
"""
