"""``records FOLDER DAY TICKER…``: what massive-speedup stored, as JSON. Runs in the peers' environment."""

import ctypes
import json
import sys

FIELDS = (
    "correction", "exchange", "id", "participant_timestamp", "price", "sequence_number", "sip_timestamp", "size",
    "tape", "trf_id", "trf_timestamp",
)  # fmt: skip


def main(folder: str, day: str, *tickers: str) -> None:
    """Print the records of each ticker; their conditions are a set, which has lost its order."""
    ctypes.CDLL("libz.so.1", mode=ctypes.RTLD_GLOBAL)  # its wheel forgets to ask for it
    from massive_speedup import StockTradeDatabase  # noqa: PLC0415

    stored = {
        ticker: [[getattr(record, field) for field in FIELDS] for record in StockTradeDatabase(folder, day, ticker)]
        for ticker in tickers
    }
    print(json.dumps(stored))


if __name__ == "__main__":
    main(*sys.argv[1:])
