"""One csv.gz → one checked Parquet file, streaming. No network, no store, no Dagster.

Where do I go to…
    see these steps in their order?                      conversion.py
    decompress, in bounded memory?                       archive.py; ahead, on a second core: read_ahead.py
    find a file's columns by its header?                 parquet_format.py
    parse rows, to the letter?                           parsing.py; what a batch of them is: rows.py
    parse them fast?                                     kernel.py, kernel.c
    take a ticker apart?                                 tickers.py
    know or change what is checked?                      quality.py; order: ordering.py; of ticks: ticks/
    see what is stored for a column, and encodings?      parquet_format.py
    write down what was found?                           findings.py; where a day came from: provenance.py
    know how large and how wrong a file may be?          limits.py
    change how large a row group is?                     the dataset's row in datasets/
"""
