"""Coverage as a picture: years as rows and trading days as cells; below it, over time, the row counts and the findings.

Belongs here: drawing an inventory. Does not: taking it (``inventory``), or showing it (``orchestration``).
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from polygon_assets.reading.inventory import DayState, Inventory
from polygon_assets.wording import counted

COLOURS = {
    DayState.PUBLISHED: "#2f9e44",
    DayState.FLAGGED: "#f59f00",
    DayState.REFUSED: "#c2255c",
    DayState.DAMAGED: "#c2255c",
    DayState.MISSING: "#ffc9c9",
    DayState.WAITING: "#74c0fc",
    DayState.OUTSIDE: "#dee2e6",
    DayState.BEFORE: "#dee2e6",
}
_LEGEND = {
    DayState.PUBLISHED: "published",
    DayState.FLAGGED: "flagged",
    DayState.REFUSED: "refused or damaged",
    DayState.MISSING: "missing",
    DayState.WAITING: "not due yet",
    DayState.OUTSIDE: "not asked for",
}
_NOT_ASKED_FOR = {DayState.OUTSIDE, DayState.BEFORE}
_INK, _PALE, _BAR, _PAPER = "#343a40", "#868e96", "#4c6ef5", "#ffffff"
_LEFT, _TOP, _RIGHT = 64, 52, 16
_CELL, _SMALL_CELL, _WEEK, _ROW = 3, 2, 16, 17
"""Pixels: width of a day, and where weekends are open, of a week with its gap, and height of a year.

The UI shows some 1,100 pixels in a row.
"""
_WIDTH = _LEFT + 54 * _WEEK + _RIGHT
_CHART, _STRIP = 120, 48
"""Pixels: heights of the row counts and of the findings."""
_WEEKEND = 5


def draw_coverage(inventory: Inventory, findings: Mapping[dt.date, int] | None = None) -> bytes:
    """The picture of a dataset, as PNG.

    ``findings`` is how many rules each day breaks that was held against other days and datasets; without any such day,
    nothing is drawn of them.
    """
    years = _years(inventory)
    bottom = _TOP + len(years) * _ROW
    below = bottom + _CHART + 76
    checked = {day: count for day, count in (findings or {}).items() if day in inventory.stored}
    image = Image.new("RGB", (_WIDTH, below + (_STRIP + 52 if checked else 0)), _PAPER)
    canvas = ImageDraw.Draw(image)
    small, large = ImageFont.load_default(12), ImageFont.load_default(16)
    canvas.text((_LEFT, 6), inventory.dataset.name, _INK, large)
    _draw_legend(canvas, small)
    _draw_years(canvas, inventory, years, small)
    _draw_rows(canvas, inventory, bottom + 32, small)
    if checked:
        _draw_findings(canvas, inventory, checked, below, small)
    picture = BytesIO()
    image.quantize(64).save(picture, "PNG", optimize=True)
    return picture.getvalue()


def _years(inventory: Inventory) -> range:
    """From the first year of which a day is stored, or asked for, to the last; twenty-four grey years say nothing."""
    last = max(inventory.states).year
    asked = (day.year for day, state in inventory.states.items() if state not in _NOT_ASKED_FOR)
    return range(next(asked, last), last + 1)


def _draw_legend(canvas: ImageDraw.ImageDraw, font: "ImageFont.FreeTypeFont | ImageFont.ImageFont") -> None:
    right = _LEFT + 180
    for state, meaning in _LEGEND.items():
        canvas.rectangle((right, 10, right + 10, 20), COLOURS[state])
        canvas.text((right + 16, 8), meaning, _INK, font)
        right += 32 + round(canvas.textlength(meaning, font))


def _draw_years(
    canvas: ImageDraw.ImageDraw,
    inventory: Inventory,
    years: Sequence[int],
    font: "ImageFont.FreeTypeFont | ImageFont.ImageFont",
) -> None:
    for month in range(1, 13):
        first = dt.date(years[-1], month, 1)
        canvas.text((_column(first), _TOP - 18), f"{first:%b}", _PALE, font)
    for year in years:
        canvas.text((_LEFT - 44, _TOP + (year - years[0]) * _ROW), str(year), _PALE, font)
    cell = _CELL if all(day.weekday() < _WEEKEND for day in inventory.states) else _SMALL_CELL
    for day, state in ((day, state) for day, state in inventory.states.items() if day.year in years):
        left, top = _column(day, cell), _TOP + (day.year - years[0]) * _ROW
        canvas.rectangle((left, top, left + cell - 1, top + _ROW - 4), COLOURS[state])


def _column(day: dt.date, cell: int = _CELL) -> int:
    """Left edge of a day whose cell has that width: weeks begin on Monday; weekends have room where days are small."""
    offset = dt.date(day.year, 1, 1).weekday()
    week = (day.timetuple().tm_yday - 1 + offset) // 7
    return _LEFT + week * _WEEK + min(day.weekday(), _WEEK // cell - 1) * cell


def _draw_rows(
    canvas: ImageDraw.ImageDraw, inventory: Inventory, top: int, font: "ImageFont.FreeTypeFont | ImageFont.ImageFont"
) -> None:
    """The row count of each stored day, from the first stored to the last."""
    counts = {day: held.rows for day, held in inventory.stored.items() if held.rows}
    if not counts:
        canvas.text((_LEFT, top), "nothing is stored yet", _PALE, font)
        return
    first, last, most = min(counts), max(counts), max(counts.values())
    width, bottom = _WIDTH - _LEFT - _RIGHT, top + 20 + _CHART
    canvas.text((_LEFT, top), f"rows of each stored day, up to {most:,}", _INK, font)
    canvas.line((_LEFT, bottom, _WIDTH - _RIGHT, bottom), _PALE)
    for share in (0.5, 1.0):
        height = bottom - round(_CHART * share)
        canvas.line((_LEFT, height, _WIDTH - _RIGHT, height), "#e9ecef")
        label = _short(most * share)
        canvas.text((_LEFT - 8 - canvas.textlength(label, font), height - 7), label, _PALE, font)
    for day, rows in counts.items():
        left, right = _place(day, first, last, width)
        canvas.rectangle((left, bottom - max(1, round(_CHART * rows / most)), right, bottom - 1), _BAR)
    _draw_ends(canvas, first, last, bottom, font)


def _draw_findings(
    canvas: ImageDraw.ImageDraw,
    inventory: Inventory,
    findings: Mapping[dt.date, int],
    top: int,
    font: "ImageFont.FreeTypeFont | ImageFont.ImageFont",
) -> None:
    """How many rules each checked day breaks, below the row count of the same day; a green line where none."""
    first, last, most = min(inventory.stored), max(inventory.stored), max(1, *findings.values(), 1)
    width, bottom = _WIDTH - _LEFT - _RIGHT, top + 20 + _STRIP
    wrong = sum(count > 0 for count in findings.values())
    said = f"findings against other days and datasets, on {wrong:,} of {counted(len(findings), 'compared day')}"
    canvas.text((_LEFT, top), said, _INK, font)
    canvas.line((_LEFT, bottom, _WIDTH - _RIGHT, bottom), _PALE)
    canvas.line((_LEFT, bottom - _STRIP, _WIDTH - _RIGHT, bottom - _STRIP), "#e9ecef")
    label = f"{most}"
    canvas.text((_LEFT - 8 - canvas.textlength(label, font), bottom - _STRIP - 7), label, _PALE, font)
    for day, count in findings.items():
        left, right = _place(day, first, last, width)
        if count:
            height = max(4, round(_STRIP * count / most))
            canvas.rectangle((left, bottom - height, right, bottom - 1), COLOURS[DayState.FLAGGED])
        else:
            canvas.rectangle((left, bottom - 2, right, bottom - 1), COLOURS[DayState.PUBLISHED])
    _draw_ends(canvas, first, last, bottom, font)


def _place(day: dt.date, first: dt.date, last: dt.date, width: int) -> tuple[int, int]:
    """Left and right edge of a day's bar in a chart from ``first`` to ``last``."""
    thickness = max(2, min(12, width // max(1, (last - first).days + 1) - 1))
    share = (day - first).days / max(1, (last - first).days)
    left = _LEFT + round(share * (width - thickness))
    return left, left + thickness - 1


def _draw_ends(
    canvas: ImageDraw.ImageDraw,
    first: dt.date,
    last: dt.date,
    bottom: int,
    font: "ImageFont.FreeTypeFont | ImageFont.ImageFont",
) -> None:
    canvas.text((_LEFT, bottom + 6), str(first), _PALE, font)
    canvas.text((_WIDTH - _RIGHT - canvas.textlength(str(last), font), bottom + 6), str(last), _PALE, font)


def _short(value: float) -> str:
    """A count in four characters or so.

    >>> _short(1_826_498), _short(12_093), _short(20)
    ('1.8 M', '12 k', '20')
    """
    for size, unit in ((1_000_000, " M"), (1_000, " k")):
        if value >= size:
            return f"{value / size:.{1 if value < 10 * size else 0}f}{unit}"
    return f"{value:.0f}"
