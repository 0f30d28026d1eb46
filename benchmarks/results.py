"""What was measured, and how it compares: plain values, printed as Markdown by ``report``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.processes import Figure, Outcome, ratio


@dataclass(frozen=True)
class Row:
    """One contestant's figures; None where a figure says nothing."""

    name: str
    wall: Figure
    cpu: Figure | None = None
    peak: int | None = None
    """Bytes."""
    size: int | None = None
    """Bytes written."""
    more: str = ""

    @classmethod
    def inside(cls, name: str, outcomes: Sequence[Outcome], *, size: int | None = None, more: str = "") -> "Row":
        """The figures of the measured part, which contestants tell; the start of the program is left out."""
        answers = [outcome.answer for outcome in outcomes]
        return cls(
            name,
            Figure.of([answer["wall"] for answer in answers]),
            Figure.of([answer["cpu"] for answer in answers]),
            max(answer["peak"] for answer in answers),
            size,
            more,
        )

    @classmethod
    def whole(cls, name: str, outcomes: Sequence[Outcome], *, size: int | None = None, more: str = "") -> "Row":
        """The figures of the whole program, its start included."""
        return cls(
            name,
            Figure.of([outcome.wall for outcome in outcomes]),
            Figure.of([outcome.cpu for outcome in outcomes]),
            max(outcome.answer["peak"] for outcome in outcomes),
            size,
            more,
        )


@dataclass(frozen=True)
class Target:
    """What was to be reached, and what was."""

    measure: str
    reached: str
    wanted: str
    met: bool | None
    """None: only reported."""


@dataclass(frozen=True)
class Result:
    """One table of the report."""

    title: str
    rows: Sequence[Row]
    targets: Sequence[Target] = ()
    note: str = ""


@dataclass(frozen=True)
class Section:
    """What was measured in one go."""

    results: Sequence[Result]
    load: tuple[float, float]
    """The machine's load, processes that run or wait to, before and after."""


def compared(
    measure: str,
    outcomes: Mapping[str, Sequence[Outcome]],
    mine: str,
    other: str,
    unit: str,
    bound: float | None,
    *,
    whole: bool = False,
) -> Target:
    """Our seconds as a multiple of another's, in the median of the rounds; ``unit`` is wall or cpu.

    ``whole`` programs, or only the part that they measured themselves.
    """

    def seconds(name: str) -> list[float]:
        return [float(getattr(each, unit) if whole else each.answer[unit]) for each in outcomes[name]]

    figure = ratio(seconds(mine), seconds(other))
    reached = f"{figure.median:.2f} × ({figure.lowest:.2f}–{figure.highest:.2f})"
    if bound is None:
        return Target(measure, reached, "reported", None)
    return Target(measure, reached, f"≤ {bound:g} ×", figure.median <= bound)
