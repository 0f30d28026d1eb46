"""SQL over the store, with DuckDB: one view for each dataset, which reads only the days that a query asks for.

Belongs here: the views as stored. Does not: adjusted ones (``adjusted_views``), or showing results (``cli``).
"""

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from polygon_assets.datasets import DATASETS, Dataset, no_such_dataset
from polygon_assets.errors import (
    ConfigurationMissingError,
    InvalidInputError,
    PolygonAssetsError,
    StoreError,
    StoreUnreachableError,
)
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.adjusted_views import ADJUSTED, add_adjusted_views
from polygon_assets.reading.scanning import warn_caller
from polygon_assets.store.parquet_store import FILE_NAME, scanned_schema
from polygon_assets.store.s3_reading import OF_S3
from polygon_assets.wording import how_to_install

if TYPE_CHECKING:
    import duckdb

_RAISED = re.compile(r"\bInvalidInputError: (.*)")
"""An error of this project's, raised while DuckDB read through Arrow, and wrapped in DuckDB's words."""
_UNKNOWN_TABLE = re.compile(r"Table with name \"?(\S+?)\"? does not exist")
_EXPLAIN = re.compile(r"^\s*EXPLAIN\s+(ANALYZE\s+)?(\((?!\s*(SELECT|WITH|FROM)\b)[^)]*\)\s*)?", re.IGNORECASE)
_NO_FILE = re.compile(r'"Scanning Files":\s*"0/')
_OF_VALUES = ("Conversion Error", "Out of Range Error", "Invalid Input Error")
_QUERIES = frozenset({"SELECT", "MULTI"})
"""DuckDB's kinds of statements that may only read; several in one is a statement with a PIVOT somewhere in it."""
_WRITES = frozenset({"COPY", "INSERT", "UPDATE", "DELETE", "MERGE"})
"""No reserved words: they are names of columns, too."""
_OPERATORS = ("*", "/", "+", "-", "<", ">", "=", "<=", ">=", "<>", "!=", "::", "||", "%")
_ENDS_OF_NAMES = frozenset((")", ",", ".", ";", *_OPERATORS))
_FORBIDDEN = "Permission Error"
_TOO_LARGE = "Out of Memory Error"


@contextmanager
def connect(store: ParquetStore, warn: Callable[[str], None] = warn_caller) -> Iterator["duckdb.DuckDBPyConnection"]:
    """A connection of its own, in memory, with a view for each dataset, stored or not; it reads nothing else.

    ``warn`` is told what to know of an answer that is being read.

    Files on this machine are read by DuckDB itself, ten times faster; those of an object store through Arrow, since
    DuckDB would have to download an extension. What is larger than memory goes to this machine's temporary folder.

    Raises:
        ConfigurationMissingError: DuckDB is not installed.
    """
    try:
        import duckdb  # noqa: PLC0415 (an optional part)
    except ModuleNotFoundError:
        raise ConfigurationMissingError(
            f"SQL needs DuckDB, which is not installed here: {how_to_install('sql')}"
        ) from None

    files: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="polygon-assets-sql-", ignore_cleanup_errors=True) as spill,
        closing(duckdb.connect()) as connection,
    ):
        present = set(store.names(""))
        for dataset in DATASETS.values():
            if dataset.name not in present:
                connection.register(dataset.name, scanned_schema(dataset).empty_table())
                continue
            days = [] if "://" in store.uri else _example_first(store, dataset, store.days(dataset.name))
            if days:
                paths = [store.path(dataset.name, day) for day in days]
                connection.execute(_view(dataset, paths))
                files += paths
            else:
                connection.register(dataset.name, store.scan(dataset.name))
        add_adjusted_views(connection, store, warn)
        for setting in _confinement(files, spill):
            connection.execute(f"SET {setting}")
        yield connection


def _confinement(files: Iterable[str], spill: str) -> tuple[str, ...]:
    """The settings under which DuckDB reads ``files``, uses ``spill``, and reaches nothing else of this machine.

    Neither other files, nor the network, extensions, kept secrets or this program's variables. A file is named twice,
    as it is and as the pattern that the view has for it.
    """
    allowed = ", ".join(dict.fromkeys(each for path in files for each in (_quoted(path), _text(path))))
    return (
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "allow_persistent_secrets = false",
        "python_enable_replacements = false",
        f"temp_directory = {_quoted(spill)}",
        f"allowed_paths = [{allowed}]",
        "enable_external_access = false",
        "lock_configuration = true",
    )


def _example_first(store: ParquetStore, dataset: Dataset, days: list[str]) -> list[str]:
    """Put the first day first whose footer can be read: DuckDB takes the columns of all from the first file.

    So one corrupt file spoils only the queries that need it, and rows come in the order of days.
    """
    for day in days:
        try:
            store.provenance(dataset.name, day)
        except StoreError:
            continue
        return [day, *(each for each in days if each != day)]
    return []


def _view(dataset: Dataset, paths: list[str]) -> str:
    """The statement that makes the view over files, with the columns in the order of ``scan``."""
    files = ", ".join(_text(path) for path in paths)
    columns = ", ".join(f'"{name}"' for name in scanned_schema(dataset).names)
    source = f"read_parquet([{files}], hive_partitioning = true, hive_types = {{'date': DATE}})"
    return f'CREATE VIEW "{dataset.name}" AS SELECT {columns} FROM {source}'  # noqa: S608 (names of the table, escaped)


def _text(value: str) -> str:
    """``value`` as an SQL literal, whose ``*``, ``?`` and ``[`` are no patterns."""
    return _quoted("".join(f"[{each}]" if each in "*?[" else each for each in value))


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def run(connection: "duckdb.DuckDBPyConnection", query: str) -> pa.RecordBatchReader:
    """Run ``query``, which changes nothing; its rows, batch by batch.

    Raises:
        InvalidInputError: it is no single query, names a dataset that is not there, or DuckDB cannot make sense of it.
        StoreError: a stored day cannot be read.
        StoreUnreachableError: the store's bucket does not answer.
        PolygonAssetsError: anything else that DuckDB cannot do.
    """
    import duckdb  # noqa: PLC0415 (whoever has a connection has it)

    try:
        _require_one_query(connection, query)
        reader: pa.RecordBatchReader = connection.sql(query).to_arrow_reader()
    except duckdb.Error as error:
        raise _explained(error) from error
    return pa.RecordBatchReader.from_batches(reader.schema, _batches(reader))


def datasets_in(query: str) -> list[str]:
    """The datasets that ``query`` names, in the table's order, each for its adjusted view, too."""
    import duckdb  # noqa: PLC0415 (whoever has a connection has it)

    tokens = (part.strip().strip('"').lower() for kind, part in _tokens(query) if kind == duckdb.token_type.identifier)
    named = {each.removesuffix(ADJUSTED) for each in tokens}
    return [name for name in DATASETS if name in named]


def reads_no_day(connection: "duckdb.DuckDBPyConnection", query: str) -> bool:
    """Does DuckDB know before it reads that no stored day is one that ``query``, which it has run, asks for?

    Of files on this machine alone; of others it cannot tell.
    """
    import duckdb  # noqa: PLC0415

    try:
        plan = connection.sql(f"EXPLAIN (FORMAT json) {query}").fetchall()
    except duckdb.Error:  # what is explained itself, or a PIVOT
        return False
    return any(_NO_FILE.search(text) for _, text in plan)


def _batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    """The batches; what DuckDB finds wrong on the way comes from Arrow as an OSError."""
    try:
        yield from reader
    except OSError as error:
        raise _explained(error) from error


def _explained(error: Exception) -> PolygonAssetsError:
    """DuckDB's error in one line, without its drawing of where in the query the fault is."""
    import duckdb  # noqa: PLC0415

    text = " ".join(str(error).split("\n\n", 1)[0].split())
    if own := _own(text):
        return own
    if text.startswith(_FORBIDDEN):
        return InvalidInputError(f"Only the datasets can be read, no file, address or extension: {text}")
    if OF_S3 in text:
        return StoreUnreachableError("A stored day", text)
    if FILE_NAME in text:
        return StoreError(f"{text}. Which days are damaged: polygon-assets verify")
    if text.startswith(_TOO_LARGE):
        room = "name a folder with more room in TMPDIR, or ask for less at once"
        return PolygonAssetsError(f"{text}. DuckDB has neither memory nor disk for it: {room}.")
    mistaken = isinstance(error, duckdb.ProgrammingError | duckdb.DataError) or text.startswith(_OF_VALUES)
    return InvalidInputError(text) if mistaken else PolygonAssetsError(text)


def _own(text: str) -> InvalidInputError | None:
    """What this project has to say itself, where DuckDB's ``text`` is only its wrapping."""
    if missing := _UNKNOWN_TABLE.search(text):
        return no_such_dataset(missing[1])
    raised = _RAISED.search(text)
    return InvalidInputError(raised[1]) if raised else None


def _require_one_query(connection: "duckdb.DuckDBPyConnection", query: str) -> None:
    """Refuse what is no query: whatever cannot stand in parentheses behind FROM, or writes in its WITH clause.

    DuckDB calls each statement with a PIVOT in it MULTI, also one that makes a table or a file, and one that copies in
    its WITH clause a SELECT.
    """
    statements = connection.extract_statements(query)
    if not statements:
        raise InvalidInputError("The query is empty; ask with SELECT.")
    if len(statements) > 1:
        raise InvalidInputError(f"These are {len(statements)} statements; ask one query at a time.")
    kind, text = _kind(statements[0]), statements[0].query
    explained = _EXPLAIN.match(text)
    if explained and kind in {"EXPLAIN", "MULTI"}:  # what EXPLAIN ANALYZE explains is run
        _require_one_query(connection, text[explained.end() :])
    elif kind not in _QUERIES or not _is_table(connection, text):
        raise _no_query(f"this is {kind}")
    elif written := next(_writing(text), None):
        raise _no_query(f'this has {written.upper()} in it; as a name, it is "{written}"')


def _kind(statement: "duckdb.Statement") -> str:
    try:
        return str(statement.type.name)
    except ValueError:  # UPDATE EXTENSIONS: one of those that DuckDB's Python has no name for
        return "a command"


def _no_query(why: str) -> InvalidInputError:
    return InvalidInputError(
        f"Only queries are run (SELECT, WITH, FROM, DESCRIBE, SUMMARIZE, SHOW, PIVOT, EXPLAIN); {why}. "
        "To write a file: --output FILE."
    )


def _is_table(connection: "duckdb.DuckDBPyConnection", query: str) -> bool:
    """Can the text of one statement stand where a table can? Only parsed, never run."""
    import duckdb  # noqa: PLC0415

    inner = "".join(part for kind, part in _tokens(query) if part.strip() != ";" or kind != duckdb.token_type.operator)
    try:
        return len(connection.extract_statements(f"SELECT * FROM (\n{inner}\n)")) == 1  # noqa: S608 (not run)
    except duckdb.ParserException:
        return False


def _writing(query: str) -> Iterator[str]:
    """The words that may begin a statement that writes: those at the beginning, or behind a parenthesis.

    Elsewhere, and before an operator, it is a name: ``SELECT t.copy, sum(update)``.
    """
    import duckdb  # noqa: PLC0415

    words = [part.strip() for kind, part in _tokens(query) if kind != duckdb.token_type.comment]
    for before, word, after in zip(["(", *words], words, [*words[1:], ")"], strict=False):
        if word.upper() in _WRITES and before[-1:] in "();" and after not in _ENDS_OF_NAMES:
            yield word


def _tokens(query: str) -> Iterator[tuple["duckdb.token_type", str]]:
    """DuckDB's own reading of ``query``: each part's kind, and the part with the blanks behind it."""
    import duckdb  # noqa: PLC0415

    text = query.encode()
    found = duckdb.tokenize(query)
    for (start, kind), end in zip(found, [*(start for start, _ in found[1:]), len(text)], strict=True):
        yield kind, text[start:end].decode()
