"""Text of a stranger, as a file may hold it: what a page that takes it for Markdown or HTML would load, or run."""

import gzip

from polygon_assets.datasets import DATASETS
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size

SIZE = Size(symbols=20, rows=200)


def hostile_tickers(url: str) -> list[str]:
    """Tickers without commas, quotes or spaces that load something below ``url``; they sort before letters."""
    return [
        f"![]({url}/markdown)",
        f"<img/src={url}/html>",
        f"$|![x]({url}/cell)|",
        f"$[click]({url}/link)",
        f"<iframe/src={url}/frame></iframe>",
        f"$`![]({url}/code)",
        "![](/graphql?query=mutation{reloadWorkspace{__typename}})",
        "<svg/onload=fetch(`/graphql?query=1`)>",
    ]


def hostile_day(dataset: str, day: str, url: str) -> bytes:
    """A whole file of a day whose first tickers are hostile, sorted as the vendor's are."""
    header, *rows = gzip.decompress(flat_file(DATASETS[dataset], day, SIZE, seed=0)).decode().splitlines()
    tickers = sorted({row.partition(",")[0] for row in rows})
    replaced = dict(zip(tickers, hostile_tickers(url), strict=False))
    parted = (row.partition(",") for row in rows)
    changed = sorted((replaced.get(ticker, ticker), rest) for ticker, _, rest in parted)
    return gzip.compress("\n".join([header, *(",".join(row) for row in changed), ""]).encode(), mtime=0)


def hostile_header(url: str) -> bytes:
    """A file that is refused, whose error repeats its columns."""
    return gzip.compress(f"ticker,{','.join(hostile_tickers(url)[:2])}\nA,1,2\n".encode(), mtime=0)
