"""The embedded default: made-up flat files in the vendor's exact format, and a local S3 that serves them.

Belongs here: making data up, serving it, and the demo that shows it. Does not: reading or checking flat files
(``ingest``), or anything that the platform needs on the vendor's bucket.

Where do I go to…
    make one flat file?                            flat_files.py
    make one of the vendor's known bad days?       bad_days.py
    give a dataset made-up days, or other sizes?   generators.py
    change tickers, prices, contracts, minutes?    symbols.py, prices.py, contracts.py, minutes.py
    change trades, quotes, bars of futures?        ticks.py
    change how a value is printed?                 csv_text.py
    change opening hours and session numbers?      sessions.py
    change the noise of stocks' prices?            noise.py
    serve made-up days over S3?                    local_s3.py; its process: s3_server.py
    change the demo's folder and variables?        environment.py; what it does: cli/work/demo.py
"""
