"""What is to be done with a day, decided from what the store has and what the vendor's answer was.

Pure: values in, a step out; whoever asks takes it (``one_day``). Belongs here: which source file a day is made from,
and when none is fetched. Does not: doing it, or what a failure is.
"""

from dataclasses import dataclass

from polygon_assets.flatfile.conversion import NO_LAST_NEWLINE
from polygon_assets.store.day_files import StoredState
from polygon_assets.store.quarantine import QuarantinedDay
from polygon_assets.store.raw_files import RetainedSource


@dataclass(frozen=True)
class AskForTheETag:
    """A source file of the day was seen before: a HEAD says whether it is still the vendor's."""


@dataclass(frozen=True)
class Fetch:
    """The source file is needed, and only the vendor has it."""


@dataclass(frozen=True)
class Convert:
    """A source file that the store retains is converted, without the network."""

    source: RetainedSource
    is_latest: bool
    """The vendor has said that it is what it has now."""


@dataclass(frozen=True)
class LeaveAsStored:
    """The stored day is what the vendor has."""


@dataclass(frozen=True)
class RefuseAgain:
    """The vendor's file was refused before, under today's rules."""

    entry: QuarantinedDay


Step = AskForTheETag | Fetch | Convert | LeaveAsStored | RefuseAgain


def decide(
    state: StoredState,
    etag: str | None = None,
    *,
    overwrite: bool = False,
    keep_raw: bool = False,
    accept_unterminated: bool = False,
) -> Step:
    """The next step of a day of which the store has ``state``.

    ``etag``: what the vendor has now; None: it was not asked yet. ``overwrite`` fetches whatever is stored, and asks
    for no ETag, since the answer to the GET says all that a HEAD would. ``keep_raw`` wants the source file, too.
    ``accept_unterminated`` fetches again what was refused only for want of its last newline.
    """
    if overwrite:
        return Fetch()
    if etag is None:
        return _before_asking(state)
    if state.stored_from(etag):
        return Fetch() if keep_raw and not state.keeps_raw(etag) else LeaveAsStored()
    if entry := state.refused(etag):
        is_lifted = accept_unterminated and entry.cause.startswith(NO_LAST_NEWLINE)
        return Fetch() if is_lifted else RefuseAgain(entry)
    return Convert(source, is_latest=True) if (source := _retained(state, etag)) else Fetch()


def _before_asking(state: StoredState) -> Step:
    """A day made under older rules is made anew from its own source, even if the vendor may have a newer one."""
    if state.stored and not state.is_current and (source := _retained(state, state.stored.source_etag)):
        return Convert(source, is_latest=False)
    return AskForTheETag() if state.was_seen else Fetch()


def _retained(state: StoredState, etag: str) -> RetainedSource | None:
    return next((each for each in state.usable(overwrite=False) if each.source.etag == etag), None)
