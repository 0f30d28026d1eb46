"""The embedded default: made-up flat files in the vendor's exact format, and a local S3 that serves them.

Belongs here: making data up, serving it, and the demo that shows it. Does not: reading or checking flat files
(``ingest``), or anything that the platform needs on the vendor's bucket.

Where do I go to…
    make one flat file?                            flat_files.py
    make one of the vendor's known bad days?       bad_days.py
    change how large a made-up day is?             sizes.py
    change tickers, prices, contracts, minutes?    symbols.py, prices.py, contracts.py, minutes.py
    change how a value is printed?                 csv_text.py
    serve made-up days over S3?                    local_s3.py
    see what `make demo` does?                     demo.py
"""
