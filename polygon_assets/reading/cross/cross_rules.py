"""The rules of comparing datasets: what each finds, what it tolerates, and why. Every tolerance is stated here alone.

Belongs here: the table, and what a finding is. Does not: applying the rules (``bars_and_parts``, ``day_before``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from polygon_assets.store.row_counts import HIGHEST_RATIO, LOWEST_RATIO, NEIGHBOURS

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

FEWEST_TRADES = 10
"""Of a ticker's day."""
PRICE = 0.001
"""Share of the price."""
AMOUNT = 0.1
"""Share of the larger sum, of a ticker with very many trades; see ``amount_tolerance``."""
BUSY_MINUTES = 120
"""Minutes in a row in which something was traded."""
SPLIT = 0.03
"""Share of the ratio."""
CHEAPEST = 1.0
"""US dollars, the higher of two closes."""
SHRINKS = 0.1
"""Share of what was there the day before."""
SHOWN = 10
"""Of each finding, the worst."""


def amount_tolerance(trades: Floats) -> Floats:
    """The share by which two sums over so many ``trades`` may differ."""
    tolerance: Floats = AMOUNT + 1 / np.sqrt(np.maximum(trades, 1))
    return tolerance


@dataclass(frozen=True)
class CrossRule:
    """One rule."""

    finds: str
    """What is wrong, in words."""
    tolerates: str
    """What is let pass."""
    because: str
    """Why that much."""


_FEW = f"Below {FEWEST_TRADES} trades, all of them may be of a kind that counts for one and not for the other."
_SUMS = "Some kinds of trades count for one and not for the other; where there are few trades, one of them weighs more."
_PRICES = "Both files print prices in full, so equal extremes are equal; this much is what a later correction moves."
CROSS_RULES: Mapping[str, CrossRule] = {
    "without_parts": CrossRule(
        "A ticker has a bar, and none of the minutes or trades that it sums up.", f"under {FEWEST_TRADES} trades", _FEW
    ),
    "without_bar": CrossRule(
        "A ticker has minutes or trades in regular hours, and no bar that sums them up.",
        f"under {FEWEST_TRADES} trades",
        f"{_FEW} Trading outside regular hours alone makes no daily bar.",
    ),
    "high_differs": CrossRule(
        "The bar's high is below that of regular hours, or above that of all hours.", f"{PRICE:.1%} of it", _PRICES
    ),
    "low_differs": CrossRule(
        "The bar's low is above that of regular hours, or below that of all hours.", f"{PRICE:.1%} of it", _PRICES
    ),
    "volume_differs": CrossRule(
        "The bar's volume is not the sum of its minutes' or trades'.", f"{AMOUNT:.0%}, and 1/√trades", _SUMS
    ),
    "transactions_differ": CrossRule(
        "The bar's number of trades is not that of its minutes or trades.", f"{AMOUNT:.0%}, and 1/√trades", _SUMS
    ),
    "last_minutes_missing": CrossRule(
        "What was traded in each minute for two hours has none from then to the closing bell.",
        f"what was not traded in each of {BUSY_MINUTES} minutes",
        "The last minute is the busiest: what never paused for two hours does not miss it. Half days end early. "
        "Options are counted by their underlying.",
    ),
    "ends_differ": CrossRule(
        "A ticker's last trade in regular hours is not in the minute of its last bar.",
        f"under {FEWEST_TRADES} trades; trades after the last bar that count for no price",
        "A bar has a trade in its minute. Some kinds of trades make no bar.",
    ),
    "split_unknown": CrossRule(
        "A ticker opened and closed at a split's ratio to the close before, after the splits that are known.",
        f"{SPLIT:.0%} off 3:2 or a whole number; a price under ${CHEAPEST:g}; under {FEWEST_TRADES} trades",
        "A day's news moves a price on top of the split. Below a dollar, single ticks look like ratios.",
    ),
    "universe_shrinks": CrossRule(
        "Fewer tickers, or underlyings, than the session before.",
        f"{SHRINKS:.0%} of them",
        "Half days and quiet ones have a few percent fewer. Contracts expire, so of options the underlyings count.",
    ),
    "rows_unusual": CrossRule(
        "The number of rows is far from that of the days before.",
        f"{LOWEST_RATIO:g} to {HIGHEST_RATIO:g} times the median of up to {NEIGHBOURS} days",
        "Half days have some 0.6 of the minutes of whole ones.",
    ),
    "day_before_missing": CrossRule(
        "The session before is not stored, although earlier ones are.",
        "nothing",
        "A day with no file has no other check.",
    ),
}


@dataclass(frozen=True)
class CrossFinding:
    """One rule that a stored day breaks."""

    rule: str
    """Name of the rule in ``CROSS_RULES``."""
    against: str
    """The dataset, or the day (YYYY-MM-DD), that it was compared with."""
    count: int
    """How many tickers, or underlyings, break it; 1 where it is about the whole day."""
    of: int
    """How many there were."""
    worst: tuple[Mapping[str, Any], ...]
    """The ten worst, worst first, as plain values."""


def worst_of(
    rule: str, against: str, names: Any, broken: Mask, score: Floats, shown: Mapping[str, Any]
) -> Iterable[CrossFinding]:
    """The finding about the ``broken`` ones of ``names``, with the columns ``shown``; none where nothing is broken."""
    places = np.flatnonzero(broken)
    if not len(places):
        return
    order = places[np.argsort(-np.nan_to_num(score[places], posinf=np.finfo(float).max), kind="stable")][:SHOWN]
    rows = tuple(
        {"ticker": str(names[int(at)]), **{name: _plain(values[at]) for name, values in shown.items()}} for at in order
    )
    yield CrossFinding(rule, against, len(places), len(names), rows)


def _plain(value: Any) -> float | int | str | None:
    if isinstance(value, str):
        return value
    number = float(value)
    if not np.isfinite(number):
        return None
    return int(number) if number == int(number) else round(number, 6)
