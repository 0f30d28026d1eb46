"""Published days, on a disk or on S3: found, read, published whole, quarantined, verified.

Where do I go to…
    find, list or open what is stored?                   parquet_store.py
    see how a day is published, and what was known?      day_files.py
    keep refused files and rejected rows?                quarantine.py
    keep the vendor's files?                             raw_files.py
    change how files lie on a disk?                      folders.py, and without following links: local_entries.py
    change how files lie on S3?                          s3_folder.py, and how they are read: s3_reading.py
    make files that no crash leaves half done?           staging.py
    miss a store whose disk is not mounted?              marker.py
    know a file again, byte for byte?                    digests.py
    read a ticker's years from few files?                roll_ups.py
    compare a day's rows with its neighbours'?           row_counts.py
    read everything stored again?                        verifying.py

Does not belong here: making a Parquet file (``flatfile``), or deciding which days to make (``ingest``).
"""
