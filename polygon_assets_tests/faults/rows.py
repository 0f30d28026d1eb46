"""The rows of the scorecard: each fault and what is expected of it. Stated here, shown by the tests."""

from dataclasses import dataclass

PROPERTY = "scorecard-seen"
"""Under which pytest keeps what a test saw."""


@dataclass(frozen=True)
class Row:
    """One line of the scorecard."""

    number: int | str
    fault: str
    expected: str


ROWS = (
    Row(1, "connection closed mid-body twice, then fine", "resumed by Range, bytes identical, two retries counted"),
    Row(2, "connection reset mid-body twice", "same"),
    Row(3, "last byte missing every time", "gives up after its attempts, clear error"),
    Row(4, "body stalls", "resumes after the read timeout"),
    Row(5, "one byte a second", "minimum-rate or deadline error"),
    Row(6, "headers never come", "timeout, retried"),
    Row(7, "no Content-Length, cut", "one restart, then an error"),
    Row(8, "Content-Length too short", "one restart, then a size error"),
    Row(9, "one byte flipped", "MD5 or CRC error after one refetch"),
    Row(10, "empty 200", "one restart, then an error"),
    Row(11, "HTML or XML under 200", "one restart, then an error; never parsed"),
    Row(12, "Content-Encoding added", "one restart, then an error"),
    Row(
        13,
        "302/307 to another listener",
        "error that names the new host and the endpoint setting, and that listener saw no request",
    ),
    Row(14, "500, 502, 503, 504 once", "success"),
    Row(15, "429 with Retry-After", "waits at least that (capped)"),
    Row(16, "403, bad signature", "one request, permanent"),
    Row(17, "404 on a trading day / a holiday asked for", "not yet / refused: told apart"),
    Row(18, "Range ignored (200)", "restart, identical"),
    Row(19, "wrong Content-Range", "error"),
    Row(20, "object replaced mid-download", "412, one restart, never a mix"),
    Row(21, "connection refused", "bounded attempts and time"),
    Row(22, "six failed bodies, pool of two", "the next GET works"),
    Row(23, "cancelled mid-body four times, pool of two", "the next GET works, part file gone"),
    Row(24, "one bad key in ten", "nine saved, one named error"),
    Row(25, "max_concurrent=3, twenty keys", "the server never sees more than three at once"),
    Row(26, "a 200 MB object to disk", "memory grows by less than 64 MB"),
    Row(27, "kill -9 during ingest, twenty times", "no bad visible file; the next run heals and sweeps"),
    Row(28, "SIGTERM, SIGINT", "part gone, non-zero exit"),
    Row(29, "two processes, one partition", "one whole file"),
    Row(30, "disk full", "no retry, clear error"),
    Row(
        31,
        (
            "gzip: truncated, bad CRC, bad ISIZE, garbage after, second member cut, empty; and good, "
            "multi-member, zero-padded"
        ),
        "errors; good ones pass",
    ),
    Row(32, "gzip bomb", "size or ratio error, memory bounded"),
    Row(
        33,
        (
            "CSV: renamed, missing, extra, reordered column; short, long row; bad UTF-8; NUL; BOM; "
            "CRLF; unclosed quote; empty number; NaN; inf; negative; overflow; 2 MB field; header only;"
            " HTML"
        ),
        "the exact outcome of each is written down and tested",
    ),
    Row(
        34,
        "another day's rows, duplicates, low > high",
        (
            "up to 1 % foreign rows are rejected and the day flagged, more refuse it; the rest is "
            "flagged; counts reconcile"
        ),
    ),
    Row(
        35,
        (
            "`../../etc`, `20240102`, `2024-W01-2`, Arabic digits as a date; `ftp://`, "
            "`http://user:pw@host` as an endpoint"
        ),
        "refused before any I/O",
    ),
    Row(36, "a canary as the secret", "absent from logs, the Dagster home, repr, snapshot, tracebacks"),
    Row(37, "a listing of 1,500 keys whose second page fails once", "all 1,500, none twice"),
    Row(38, "an upload to an S3 store cut", "no object visible, the multipart upload aborted"),
    Row(39, "run again after success", "no GET when size and ETag match; the same Parquet bytes"),
    Row(40, "headers, a listing or a handshake that drip; provisional answers without end", "ended by the deadline"),
    Row(41, "the body of an error, or of a listing, without end", "read to a limit; an error in bounded memory"),
    Row(
        "fuzz",
        "a random plan of cuts, resets, stalls, errors and corruptions over random sizes",
        "identical bytes, or an error; no leftover, no hang",
    ),
)
