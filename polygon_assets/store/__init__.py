"""Published days, on a disk or on S3: found, read, published whole, kept aside, verified.

Where do I go to…
    find, list or open what is stored?                   parquet_store.py
    see how a day is published, or set aside?            publishing.py, quarantine.py
    change how files lie on a disk, or on S3?            folders.py, s3_folder.py
    make files that no crash leaves half done?           staging.py
    keep the vendor's files?                             raw_files.py
    know what the store has of a day?                    day_state.py
    read a ticker's years from few files?                roll_ups.py
    compare a day's rows with its neighbours'?           row_counts.py
    read everything stored again?                        verifying.py

Does not belong here: making a Parquet file (``flatfile``), or deciding which days to make (``ingest``).
"""
