"""The errors of this project, and nothing else.

    PolygonAssetsError
    ├── InvalidInputError (also ValueError)   a date, dataset, setting or URL that is invalid
    │   ├── NotATradingDayError               the exchange was closed that day
    │   └── FutureDayError                    a day that has not begun
    ├── ConfigurationMissingError             a file that belongs to the installation is not there
    ├── BrokenHistoryError                    Dagster's database cannot be opened any more
    ├── HistoryGoneError                      … or its folder is gone under a process that had it open
    ├── PortTakenError                        another program listens where a server should
    ├── NotTriedError                         a day of a run that ended early, since all others failed
    ├── MissingCredentialsError               the two variables of the subscription are not set
    ├── TransferError                         bytes could not be had from the bucket; names bucket, key, attempts
    │   ├── ObjectNotFoundError               404: not published yet, or a name that never existed
    │   ├── AccessDeniedError                 403: outside the plan, not published yet, or an agreement is missing
    │   │   └── InvalidKeysError              the S3 keys, or the account, are refused altogether
    │   ├── RequestRejectedError              any other answer that repeating cannot change (400, 3xx, clock)
    │   ├── UnavailableError                  connection, DNS, timeout, 408/429/5xx: trying later can help
    │   ├── TooSlowError                      below the minimum rate, or past the deadline
    │   ├── IntegrityError                    the bytes received are not the object: length, MD5, gzip, replaced
    │   └── LocalWriteError                   disk full, no permission: the machine, not the network
    ├── ApiError                              the vendor's REST API did not give its corporate actions
    │   ├── ApiKeyError                       401: its key is missing, wrong, or another service's
    │   ├── ApiRefusedError                   403 and other answers that asking again cannot change
    │   ├── ApiUnavailableError               connection, timeout, 408/429/5xx, for longer than is waited
    │   └── ApiAnswerError                    no answer of this API: HTML, a loop of pages, a page elsewhere
    ├── ContentError                          verified bytes whose content is wrong; names the file
    │   ├── ArchiveError                      not one whole gzip stream, or larger than allowed
    │   ├── HeaderError                       columns other than the dataset's
    │   ├── RowError                          a line that does not parse; names line and column
    │   └── UnusableDayError                  parses, but cannot be that day (no rows, foreign rows)
    ├── StoreError                            a stored day is damaged, or the store cannot be written
    │   ├── LinkInStoreError                  a symbolic link inside the store: it is not followed
    │   ├── NotReplacedError                  a stored day that could not be replaced; it is as it was
    │   └── StoreBusyError                    another process keeps the store's staging folder locked
    ├── ReplacedWhileReadError                a file of the store on S3 is another than the one that was opened
    ├── StoreAbsentError                      the store that was there before is not: is its disk mounted?
    └── StoreUnreachableError                 the store's bucket does not answer, or refuses: no day is known to be
                                              there, missing or damaged

Each message names the culprit and the remedy. ``retryable`` says, once, whether trying the same thing again
later can help. ``NothingStoredWarning`` is no error: what was asked for is empty, and why.
"""

from collections.abc import Sequence

from polygon_assets.wording import counted, in_a_clone


class PolygonAssetsError(Exception):
    """Root of every error that this project raises on purpose."""

    retryable: bool = False
    """Can the same call, repeated later, succeed without anyone changing anything?"""


class InvalidInputError(PolygonAssetsError, ValueError):
    """A value that is invalid; raised before anything else happens."""


class NotATradingDayError(InvalidInputError):
    """The exchange was closed on a day that was asked for."""

    def __init__(self, day: str, calendar: str) -> None:
        """Name the ``day`` (YYYY-MM-DD) and the exchange ``calendar`` that has no session on it."""
        super().__init__(
            f"{day} is not a trading day of {calendar}: the exchange was closed. Ask for a session, "
            "or set POLYGON_EXTRA_CLOSURES if the calendar misses a closure."
        )
        self.day = day


class FutureDayError(InvalidInputError):
    """A day that was asked for has not begun."""

    def __init__(self, day: str, calendar: str, newest: str) -> None:
        """Name the ``day`` (YYYY-MM-DD), and the ``newest`` session of the exchange ``calendar``."""
        super().__init__(
            f"{day} has not begun: the newest session of {calendar} is {newest}, whose file appears the day after. "
            "Ask for days up to it, or check this machine's clock."
        )
        self.day = day


class MissingCredentialsError(PolygonAssetsError):
    """The subscription's keys are not set."""


class ConfigurationMissingError(PolygonAssetsError):
    """A file that belongs to the installation is not there."""


class BrokenHistoryError(PolygonAssetsError):
    """Dagster's history was damaged while it was made, and Dagster cannot open it."""

    def __init__(self, home: str, cause: str) -> None:
        """Name the ``home`` whose history it is, and what Dagster said of it (``cause``)."""
        super().__init__(
            f"Dagster's history in {home} is broken ({cause}): two programs made it at once, under an older version. "
            f"Stop what runs on it, move {home}/history and {home}/schedules away, then: polygon-assets record. "
            "What is stored is not touched; the list of past runs starts anew."
        )


class HistoryGoneError(PolygonAssetsError):
    """The folder of Dagster's history is not there any more, under a process that had it open."""

    retryable = True

    def __init__(self, folder: str) -> None:
        """Name the ``folder``."""
        super().__init__(
            f"{folder}: Dagster's history was there and is gone. Put it back, or restart what runs on it; what was "
            "stored meanwhile is told to it by: polygon-assets record."
        )


class PortTakenError(PolygonAssetsError):
    """Another program listens on the port."""

    def __init__(self, port: int) -> None:
        """Name the ``port`` of 127.0.0.1."""
        of_make = " (make: PORT=3001)" if in_a_clone() else ""
        super().__init__(
            f"Port {port} of 127.0.0.1 is in use: stop that program, or choose another with --port{of_make}."
        )
        self.port = port


class TransferError(PolygonAssetsError):
    """An object's bytes, head or listing could not be had."""

    remedy: str = ""

    def __init__(self, bucket: str, key: str, cause: str, *, attempts: int = 1) -> None:
        """Say that ``key`` of ``bucket`` failed with ``cause`` after ``attempts`` requests."""
        tries = f"after {attempts} attempts" if attempts != 1 else "at the first attempt"
        message = f"s3://{bucket}/{key}: {cause} ({tries})."
        super().__init__(f"{message} {self.remedy}".rstrip())
        self.bucket = bucket
        self.key = key
        self.cause = cause
        self.attempts = attempts


class ObjectNotFoundError(TransferError):
    """404: there is no such object."""

    remedy = "There is no such file: the vendor has not published it, or not yet."


class BucketNotFoundError(ObjectNotFoundError):
    """404: there is no such bucket."""

    remedy = "There is no such bucket: see POLYGON_BUCKET, and POLYGON_ENDPOINT_URL."


class AccessDeniedError(TransferError):
    """403: this object is not handed out; the answer does not say why."""

    remedy = (
        "The vendor does not say why: your plan may not include this dataset or this date (its history window), the "
        "file may not be published yet, or an agreement that it needs is not signed. If every file is refused, the S3 "
        "keys are wrong: polygon-assets doctor."
    )


class InvalidKeysError(AccessDeniedError):
    """The S3 keys are refused altogether, or the account is."""

    remedy = (
        "Copy POLYGON_ACCESS_KEY_ID and POLYGON_SECRET_ACCESS_KEY again from the flat files page of the vendor's "
        "dashboard: they are S3 keys; the key of its REST API is another thing."
    )


class ListingDeniedError(AccessDeniedError):
    """403 for a listing, which works on every plan."""

    remedy = (
        "Listing works on every plan: as a rule the S3 keys are wrong or have expired. Copy POLYGON_ACCESS_KEY_ID and "
        "POLYGON_SECRET_ACCESS_KEY again from the flat files page of the vendor's dashboard, and see POLYGON_BUCKET."
    )


class RequestRejectedError(TransferError):
    """An answer that repeating the request cannot change."""


class UnavailableError(TransferError):
    """The service or the network failed."""

    retryable = True
    remedy = "The service or the network failed; trying again later can help."


class TooSlowError(TransferError):
    """The transfer fell below the minimum rate or passed its deadline."""

    retryable = True
    remedy = "Try again later, or lower POLYGON_MAX_CONCURRENT."


class IntegrityError(TransferError):
    """What arrived is not the object that the service announced."""

    retryable = True
    remedy = "Nothing was kept. Try again later; if it stays, something between here and the bucket alters bytes."


class LocalWriteError(TransferError):
    """This machine could not write what it received."""

    remedy = "Free space or fix permissions, then try again."


class ApiError(PolygonAssetsError):
    """The vendor's REST API did not give what was asked for; nothing stored was changed."""

    remedy: str = ""

    def __init__(self, address: str, cause: str) -> None:
        """Say that the page at ``address`` (without parameters and key) failed with ``cause``."""
        super().__init__(f"{address}: {cause}. {self.remedy}".rstrip())
        self.address = address
        self.cause = cause


class ApiKeyError(ApiError):
    """401: the key is not this API's."""

    remedy = (
        "Copy POLYGON_API_KEY again from the API keys page of the vendor's dashboard: the keys of the flat files are "
        "other ones."
    )


class ApiRefusedError(ApiError):
    """403, a redirect or another answer that the same request gets again."""

    remedy = "Check that the plan includes it, and that POLYGON_API_URL is the vendor's own address."


class ApiUnavailableError(ApiError):
    """The service, its limit of requests or the network stood in the way for too long."""

    retryable = True
    remedy = "What is stored stays as it was; try again later."


class ApiAnswerError(ApiError):
    """What came back is no answer of this API."""

    retryable = True
    remedy = "Nothing was kept. Check POLYGON_API_URL; if it stays, something between here and the vendor answers."


class ContentError(PolygonAssetsError):
    """A file that arrived whole, but whose content is wrong."""

    def __init__(self, source: str, cause: str, findings: Sequence[object] = ()) -> None:
        """Say that the file called ``source`` (key or path) is wrong because of ``cause``, with what was counted."""
        super().__init__(f"{source}: {cause}")
        self.source = source
        self.cause = cause
        self.findings = tuple(findings)


class ArchiveError(ContentError):
    """Not one whole gzip stream, or larger than allowed."""


class HeaderError(ContentError):
    """The header line is not that of the dataset."""

    def __init__(self, source: str, *, expected: Sequence[str], found: Sequence[str]) -> None:
        """Name the columns ``expected`` and those ``found`` in ``source``."""
        super().__init__(source, f"expected the columns {','.join(expected)}; found {','.join(found)}")
        self.expected = tuple(expected)
        self.found = tuple(found)


class RowError(ContentError):
    """A line that does not parse under the dataset's columns."""


class UnusableDayError(ContentError):
    """The file parses, but cannot be the day it claims to be."""


class NotTriedError(PolygonAssetsError):
    """A day that was not tried, since those before it failed for one reason."""

    def __init__(self, failed: int, last: PolygonAssetsError) -> None:
        """Say that the ``failed`` days before it failed in a row, ``last`` being the last one's error."""
        super().__init__(f"not tried: the {counted(failed, 'day')} before it failed in a row, for one reason. {last}")
        self.retryable = last.retryable


class StoreError(PolygonAssetsError):
    """A stored day is damaged, or the Parquet store cannot be written."""


class CorruptFileError(StoreError):
    """A source file that the store retains is not what it was when it was put there."""


RottenCopyError = CorruptFileError
"""The name until version 1; goes with the next one."""


class NotReplacedError(StoreError):
    """A stored day that was to be replaced is as it was, since the vendor does not hand its file out."""


class LinkInStoreError(StoreError):
    """A symbolic link inside the store, which could lead anywhere."""

    def __init__(self, path: object) -> None:
        """Name the link's ``path``."""
        self.path = str(path)
        self.cause = (
            "a symbolic link; those inside a store are not followed. Remove it. A part of a store on another disk is "
            "mounted there (mount --bind); the store's own folder may be a link."
        )
        super().__init__(f"{self.path}: {self.cause}")


class StoreBusyError(StoreError):
    """Another process keeps the store's staging folder locked."""

    retryable = True


class ReplacedWhileReadError(PolygonAssetsError):
    """A file of the store on S3 is another than the one that was opened; no ``StoreError``, for it is not damaged."""

    retryable = True
    WORDS = "replaced while it was read"

    def __init__(self, uri: str) -> None:
        """Name the object's ``uri``."""
        super().__init__(f"{uri}: {self.WORDS}. Nothing is wrong with it: read it again.")


class StoreAbsentError(PolygonAssetsError):
    """The store that was there before is not; no ``StoreError``, which would make its days damaged ones."""

    retryable = True


class StoreUnreachableError(PolygonAssetsError):
    """The store's bucket does not answer, or refuses; no ``StoreError``, which would make its days damaged ones."""

    retryable = True

    def __init__(self, uri: str, cause: object) -> None:
        """Name the ``uri`` that was asked for, and what was answered."""
        super().__init__(
            f"{uri}: the store does not answer: {cause}. Check the POLYGON_STORE_* settings, or try later."
        )


class NothingStoredWarning(UserWarning):
    """A dataset, or days of it, that were asked for are not stored: the answer is empty, and no sign of no trading."""
