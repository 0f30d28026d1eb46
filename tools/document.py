"""Write the pages of docs/ that follow from the code, or check that they do.

python tools/document.py            write them
python tools/document.py --check    exit code 1 when one of them says something else than the code
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.filesize import decimal

from polygon_assets.datasets import DATASETS, Column, Dataset
from polygon_assets.flatfile.quality import RULES
from polygon_assets.reading.cross.cross_rules import CROSS_RULES
from polygon_assets.settings import Settings, variable

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
NOTICE = "<!-- Written by `python tools/document.py`; change the code, not this page. -->\n"

CONFIGURATION = f"""\
{NOTICE}
# Configuration

Everything is set by environment variables; an empty one counts as unset. A value that is invalid is an error that
names the variable. `polygon-assets doctor` says whether what is set works.

| variable | default | meaning |
|---|---|---|
{{settings}}

Dagster has a variable of its own: `DAGSTER_HOME`, the folder with Dagster's history, `dagster.yaml` and `serving.log`;
unset, `.dagster` in the folder you are in. Set it to an absolute path once, so that the command line and the UI mean
the same history. `make demo` keeps its own, `.demo/dagster_home`. Which folders held a store is remembered in
`polygon-assets` in `XDG_STATE_HOME`; unset, in `~/.local/state`. Colours are off where `NO_COLOR` is set.

Secrets are read from the environment by the process that needs them. They are in no file, no run configuration and no
log of this project.
"""

DICTIONARY = f"""\
{NOTICE}
# Data dictionary

Each of the {{count}} datasets has a folder, with one Parquet file for each day of its market:
`{{{{store}}}}/{{{{dataset}}}}/date=YYYY-MM-DD/data.parquet`.
Bars are sorted by `ticker`, then `window_start`; trades, quotes and values stay in the order of the vendor's file, by
ticker and time, and what is out of it is flagged. `date` is the market's day; it is the name of the folder and not a
column of the file, and every reader of Hive partitions adds it.

| dataset | what it is | first day | csv.gz of a day | a row is identified by |
|---|---|---|---:|---|
{{datasets}}

## Before you use it

- **Stored prices are not adjusted.** They are as traded; `scan(…, adjust=…)` adjusts them. A 10-for-1 split looks like
  a fall of 90 %.
- **A ticker is not a company.** Tickers are renamed and reused over the years: `META` was an exchange-traded fund until
  2022. They are case-sensitive, and `NA`, `NAN`, `NULL` and `TRUE` are real ones.
- **A minute without trades has no row.** Fill gaps yourself if you need a full grid.
- **Extended hours are included.** Minutes run from {{session_start}} to {{session_end}} New York, on half days too.
  `polygon_assets.scan(…, session="regular")` keeps 09:30 to the closing bell.
- **Volumes of stocks are decimal since 2026-02-23**, because fractional shares are reported; before, they are whole.
- **Times are UTC.** The `window_start` of a day row is midnight New York, so 04:00 or 05:00 UTC.
- **Bids and asks may be absent.** A price of 0 (of futures, null) means that there is none.
- **Prices of futures can be negative**: those of spreads are differences.
- **Nothing of the other markets is adjusted or converted.** Pairs are in units of their second currency.

## Days

| datasets | files on | a day is |
|---|---|---|
{{days}}

A file that is listed on another day is shown by `polygon-assets ls` and can be had with `ingest --any-day`.

## What is certain, and what is not

Nobody of this project has read the vendor's files of all datasets. What is assumed of one is said here. Where when days
begin and end is assumed, rows up to two days outside are published and flagged, never rejected; columns are found by
their names, whatever their order.

| datasets | known | assumed |
|---|---|---|
{{certainty}}

## Columns

A column that may be null says so; one that a file may lack is *optional*. Codes are lists: `[12, 37]`.

{{columns}}

## What is checked

Every row is held against these rules while it is converted. What breaks one is counted, with its first rows, in the
file's footer and in Dagster's checks. Rows that are *rejected* lie in `{{{{store}}}}/_quarantine/`; all others are
published as the vendor wrote them.

| rule | what breaks it |
|---|---|
{{rules}}

## What datasets say of each other

`polygon-assets verify --cross` and Dagster's checks hold stored days against each other: bars against the minutes or
trades that they sum up ({{pairs}}), and each day against the session before. A finding changes nothing of what is
stored.

| rule | what it finds | what it tolerates | because |
|---|---|---|---|
{{cross_rules}}

## What becomes of a file with a fault

| fault | outcome |
|---|---|
| a required column is missing or renamed; a name stands there twice | refused, naming expected and found |
| an unknown column | published; kept as text, flagged |
| columns in another order | published as ever |
| an optional column is missing | published; null |
| a short, long or blank row, a quotation mark that quotes no cell or is never closed | refused, naming the line |
| no UTF-8, a NUL, a ticker of 2 MB, `1,5` or `0x1F` for a number | refused, naming line and column |
| a byte order mark, an HTML page, nothing, a header alone, no newline at the end | refused |
| lines that end in CR LF | published as ever |
| an empty number or stamp | null where the column may be null, else refused |
| conditions and indicators as `"12,37"`, `37`, `[401]`, `-1`, nothing, `""` | lists; the last two are empty |
| conditions and indicators as `"12,,37"`, `12;37`, `99999`, or what else is no list of codes | null, flagged |
| a stamp of 20 digits | refused, naming the line |
| stamps of 13 or 16 digits: milliseconds, microseconds | of up to 1 % of the rows, rejected; of more, refused |
| a file of another layout or market | refused for header, tickers or stamps; not so sessions for minutes of futures |

## The record in each file's footer

| key | meaning |
|---|---|
| `polygon.source_uri`, `polygon.source_key` | the object that the day was made from |
| `polygon.source_etag`, `polygon.source_last_modified`, `polygon.source_bytes` | which version of it; ISO 8601, UTC |
| `polygon.rows`, `polygon.symbols` | rows, and distinct tickers |
| `polygon.findings` | what was found wrong with it, as JSON: rule, count, the first rows |
| `polygon.schema_version`, `polygon.version` | the rules, and the version of this project, that it was made with |
"""


def configuration() -> str:
    """The page of settings."""
    rows = (
        f"| `{variable(name)}` | {_default(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    )
    return CONFIGURATION.format(settings="\n".join(rows))


def _default(value: Any) -> str:
    if value in (None, ()):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def dictionary() -> str:
    """The page of columns."""
    tables: dict[tuple[Column, ...], list[str]] = {}
    for row in DATASETS.values():
        tables.setdefault(row.stored_columns, []).append(row.name)
    columns = "\n\n".join(
        f"### {', '.join(names)}\n\n| column | type | meaning |\n|---|---|---|\n"
        + "\n".join(f"| `{each.name}` | {each.type}{_presence(each)} | {each.description} |" for each in stored)
        for stored, names in tables.items()
    )
    datasets = "\n".join(
        f"| `{row.name}` | {row.title} | {row.first_day} | {decimal(row.typical_bytes)} | "
        f"{', '.join(f'`{name}`' for name in row.identity)} |"
        for row in DATASETS.values()
    )
    days = _grouped(lambda row: (CALENDARS[row.calendar], _day(row)))
    certainty = _grouped(lambda row: (row.verified, " ".join(row.doubts) or "nothing"))
    session = next(row.session for row in DATASETS.values() if row.session)
    hours = {"session_start": f"{session.start:%H:%M}", "session_end": f"{session.end:%H:%M}"}
    rules = "\n".join(f"| `{rule}` | {meaning} |" for rule, meaning in RULES.items())
    pairs = ", ".join(f"`{row.name}` and `{row.made_of}`" for row in DATASETS.values() if row.made_of)
    cross_rules = "\n".join(
        f"| `{rule}` | {each.finds} | {each.tolerates} | {each.because} |" for rule, each in CROSS_RULES.items()
    )
    hours |= {"pairs": pairs, "cross_rules": cross_rules}
    return DICTIONARY.format(
        count=len(DATASETS), datasets=datasets, days=days, certainty=certainty, columns=columns, rules=rules, **hours
    )


CALENDARS = {
    "XNYS": "sessions of the New York Stock Exchange",
    "CMES": "CME's sessions",
    "24/7": "every day",
    "24/6": "Sunday to Friday",
}


def _grouped(cells: Callable[[Dataset], tuple[str, str]]) -> str:
    """Rows of a table: the datasets that have the same ``cells`` together."""
    groups: dict[tuple[str, str], list[str]] = {}
    for row in DATASETS.values():
        groups.setdefault(cells(row), []).append(f"`{row.name}`")
    return "\n".join(f"| {', '.join(names)} | {' | '.join(each)} |" for each, names in groups.items())


def _day(row: Dataset) -> str:
    begins = f"{row.day.start:%H:%M} the evening before" if row.day.begins_the_evening_before else "midnight"
    return f"a date of {row.day.zone}, from {begins}{'' if row.day.certain else ' (assumed)'}"


def _presence(column: Column) -> str:
    known = {"nullable": column.nullable, "optional": column.optional}
    return "".join(f", {word}" for word, holds in known.items() if holds)


def decisions() -> str:
    """The index of docs/adr."""
    lines = []
    for path in sorted((DOCS / "adr").glob("[0-9]*.md")):
        heading = path.read_text().splitlines()[0].removeprefix("# ").split(". ", 1)[-1]
        lines.append(f"| {int(path.name[:4])} | [{heading}](adr/{path.name}) |")
    head = "# Decisions\n\nWhat was decided, why, and what was rejected.\n\n| | |\n|---:|---|\n"
    return f"{NOTICE}\n{head}" + "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "configuration.md": configuration,
    "data-dictionary.md": dictionary,
    "decisions.md": decisions,
}


def main() -> int:
    """Write or check; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = [name for name, page in PAGES.items() if not (DOCS / name).exists() or (DOCS / name).read_text() != page()]
    for name in stale:
        if check:
            print(f"docs/{name} is not what the code says: python tools/document.py")
        else:
            (DOCS / name).write_text(PAGES[name]())
            print(f"docs/{name}")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
