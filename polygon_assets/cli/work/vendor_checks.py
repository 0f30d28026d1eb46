"""What ``doctor`` asks the vendor: is it there, does it know the keys, what does the plan include, how far back?

Belongs here: requests and their meaning. Does not: this machine (``machine_checks``), or printing (``doctor``).
"""

import datetime as dt
import http.client
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial

from polygon_assets.cli.console import Line, failed, note, ok
from polygon_assets.datasets import DATASETS, Dataset, patterns_for
from polygon_assets.download import S3Catalog, SyncS3Downloader
from polygon_assets.download.listing import listed_days
from polygon_assets.download.service_errors import certificate_fault
from polygon_assets.errors import (
    AccessDeniedError,
    InvalidKeysError,
    MissingCredentialsError,
    ObjectNotFoundError,
    PolygonAssetsError,
)
from polygon_assets.ingest.connections import open_catalog, open_sync_downloader
from polygon_assets.reading.store_against_bucket import is_entitled, oldest_entitled
from polygon_assets.settings import Settings, variable
from polygon_assets.wording import counted

_PATIENCE = 10
"""Seconds, for an answer as a whole."""
_SKEW = 300
"""Seconds; S3 refuses signatures that are 15 minutes off."""


@dataclass(frozen=True)
class Reach:
    """What of a dataset can be had."""

    sizes: Mapping[str, int]
    """Bytes of each listed day, oldest first."""
    floor: str | None
    """The oldest day that the plan includes; None: the dataset is not in the plan, or nothing is listed."""


def unset_credentials(settings: Settings) -> Line | None:
    """The line that says that there are no keys; None: there are."""
    try:
        settings.credentials  # noqa: B018 (raises)
    except MissingCredentialsError as error:
        return failed("credentials", "not set: nothing that needs the vendor's bucket works", str(error))
    return None


def endpoint(settings: Settings) -> Iterator[Line]:
    """Does the endpoint answer, and does it agree about the time? Asked without keys."""
    try:
        date = _date_of(settings.endpoint_url)
    except (OSError, ValueError, http.client.HTTPException) as error:
        cause = getattr(error, "reason", error)
        if cause and (fault := certificate_fault(cause)):
            yield failed("endpoint", f"{settings.endpoint_url} cannot be trusted from here: {fault}", "")
            return
        remedy = f"Check the network, a proxy in between, and {variable('endpoint_url')}."
        yield failed("endpoint", f"{settings.endpoint_url} does not answer: {cause}", remedy)
        return
    yield ok("endpoint", f"{settings.endpoint_url} answers")
    if date is None:
        yield note("clock", "the endpoint tells no time to compare with")
        return
    skew = round((dt.datetime.now(dt.UTC) - date).total_seconds())
    if abs(skew) > _SKEW:
        remedy = "Set it, for example with: timedatectl set-ntp true"
        yield failed("clock", f"{skew:+d} seconds off the vendor's; signatures of it are refused", remedy)
    else:
        yield ok("clock", f"within {max(1, abs(skew))} s of the vendor's")


def _date_of(url: str) -> dt.datetime | None:
    """The time that the endpoint tells; None: it tells none.

    A thread asks, since no socket's timeout ends an answer that drips, or a name that is not resolved.

    Raises:
        OSError: it does not answer, or not within ``_PATIENCE``.
        HTTPException: what it answers is no HTTP.
        ValueError: what it tells is no time.
    """
    outcome: list[str | Exception | None] = []
    asking = threading.Thread(target=lambda: outcome.append(_outcome(url)), daemon=True)
    asking.start()
    asking.join(_PATIENCE)
    if not outcome:
        raise TimeoutError(f"no whole answer within {_PATIENCE:g} s")
    (said,) = outcome
    if isinstance(said, Exception):
        raise said
    return parsedate_to_datetime(said) if said else None


def _outcome(url: str) -> str | Exception | None:
    """The answer's ``Date``, or why there is no answer."""
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 (settings allow https and this machine)
    said: str | None
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
            said = answer.headers.get("Date")
    except urllib.error.HTTPError as answer:  # without keys, any answer will do
        with answer:
            said = answer.headers.get("Date")
    except Exception as error:  # noqa: BLE001 (raised where it was asked for)
        return error
    return said


def trouble(settings: Settings) -> str | None:
    """Why the bucket cannot be read now, and what helps, in one line; None: it can. One try, within seconds."""
    (answers, *_) = endpoint(settings)
    if answers.state == "failed":
        return f"{answers.text}. {answers.remedy}"
    catalog = open_catalog(settings)
    quick = settings.model_copy(update={"max_retries": 0, "timeout": min(settings.timeout, _PATIENCE)})
    try:
        with open_sync_downloader(quick) as downloader:
            downloader.list_entries(catalog.bucket, catalog.get_prefix(next(iter(DATASETS))), 1)
    except PolygonAssetsError as error:
        return str(error)
    return None


def credentials(settings: Settings, reaches: dict[str, Reach]) -> Iterator[Line]:
    """Are the keys accepted? Then ``reaches`` is filled, and each dataset's reach is told."""
    catalog = open_catalog(settings)
    try:
        keys = settings.credentials
        with open_sync_downloader(settings) as downloader:
            downloader.list_entries(catalog.bucket, catalog.get_prefix(next(iter(DATASETS))), 1)
            yield ok("credentials", f"{keys['access_key_id'][:4]}… may list the bucket {catalog.bucket}")
            for dataset in settings.chosen:
                reaches[dataset.name] = reach = _reach(downloader, catalog, dataset)
                yield _entitlement(settings, dataset, reach)
            yield _plan(settings, _included(downloader, catalog, reaches))
    except AccessDeniedError as error:
        remedy = f"Copy {variable('access_key_id')} and {variable('secret_access_key')} again from the flat files page."
        yield failed("credentials", f"refused: {error.cause}", remedy)
    except PolygonAssetsError as error:
        yield failed("credentials", str(error), "")


def _reach(downloader: SyncS3Downloader, catalog: S3Catalog, dataset: Dataset) -> Reach:
    """List the dataset, and bisect for the oldest day that is handed out: what is listed may be refused."""
    listed = listed_days(
        downloader.list_entries(catalog.bucket, catalog.get_prefix(dataset.name)), catalog, dataset.name
    )
    sizes = {day: entry.size for day, entry in listed.items()}
    days = list(sizes)

    position = oldest_entitled(days, partial(is_entitled, downloader, catalog, dataset.name))
    return Reach(sizes, days[position] if position < len(days) else None)


def fitting_start(settings: Settings, reaches: Mapping[str, Reach]) -> str | None:
    """The day on which history is to start, so that no partition lies before what the plan includes.

    None: it does so already, or one dataset's whole history is included and another's is not.
    """
    cut = [reach.floor for name, reach in reaches.items() if reach.floor and _is_cut(settings, DATASETS[name], reach)]
    whole = [reach.floor for reach in reaches.values() if reach.floor and reach.floor not in cut]
    return min(cut) if cut and min(cut) <= min(whole, default=min(cut)) else None


def _is_cut(settings: Settings, dataset: Dataset, reach: Reach) -> bool:
    """Do the partitions begin before what the plan includes, and are such days listed?"""
    first = max(dataset.first_day, settings.history_start or dataset.first_day).isoformat()
    return reach.floor is not None and first < reach.floor and min(reach.sizes) < reach.floor


def plan_topic(dataset: Dataset) -> str:
    """What the line about a dataset's days in the plan is called."""
    return f"plan: {dataset.name}"


def _entitlement(settings: Settings, dataset: Dataset, reach: Reach) -> Line:
    topic = plan_topic(dataset)
    if not reach.sizes:
        prefix = open_catalog(settings).get_prefix(dataset.name)
        remedy = f"Check {variable('bucket')} and {variable('options_prefix')}."
        return note(topic, f"nothing is listed under {prefix}", remedy)
    if reach.floor is None:
        remedy = "Its days will be refused (403) until your subscription includes them; the sensor waits."
        return note(topic, "not in your plan: listed, but refused", remedy)
    first = max(dataset.first_day, settings.history_start or dataset.first_day).isoformat()
    listed = f"{counted(len(reach.sizes), 'day')} listed"
    if _is_cut(settings, dataset, reach):
        remedy = f"export {variable('history_start')}={reach.floor}"
        return note(topic, f"included from {reach.floor} on, partitions begin on {first}; {listed}", remedy)
    return ok(topic, f"included from {reach.floor} on; {listed}")


def _included(downloader: SyncS3Downloader, catalog: S3Catalog, reaches: Mapping[str, Reach]) -> list[str]:
    """The datasets that the plan hands out; those that were not looked through are asked for one recent day alone."""
    return [
        name
        for name in DATASETS
        if (reaches[name].floor if name in reaches else _hands_out_a_recent_day(downloader, catalog, name))
    ]


def _hands_out_a_recent_day(downloader: SyncS3Downloader, catalog: S3Catalog, dataset: str) -> bool:
    """Is the newest listed day handed out? Three requests at most: a month, at its beginning the one before, a HEAD."""
    this_month = dt.datetime.now(dt.UTC).date().replace(day=1)
    try:
        for month in (this_month, this_month - dt.timedelta(1)):
            prefix = catalog.get_month_prefix(dataset, month.isoformat())
            listed = listed_days(downloader.list_entries(catalog.bucket, prefix), catalog, dataset)
            if listed:
                return is_entitled(downloader, catalog, dataset, max(listed))
    except InvalidKeysError:
        raise
    except (AccessDeniedError, ObjectNotFoundError):  # not even listed, or gone since
        pass
    return False


def _plan(settings: Settings, included: list[str]) -> Line:
    """Which datasets the plan includes, against those that are chosen, with the setting that fits."""
    if not included:
        text = "no dataset is included: of none is a recent day both listed and handed out"
        return failed("plan", text, "See the vendor's dashboard: a plan with flat files, and its agreements signed.")
    setting = f"{variable('datasets')}='{','.join(patterns_for(included))}'"
    chosen = {dataset.name for dataset in settings.chosen}
    text = f"includes {len(included)} of {len(DATASETS)} datasets: {', '.join(included)}"
    if outside := chosen.difference(included):
        return note("plan", f"{text}; chosen, but not included: {', '.join(sorted(outside))}", f"export {setting}")
    return ok("plan", text if chosen == set(included) else f"{text}; to have all of them: {setting}")
