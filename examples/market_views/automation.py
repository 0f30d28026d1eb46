"""When a view is made by itself: once all that it needs is there, and again when something of it was replaced."""

import dagster as dg


def when_complete() -> dg.AutomationCondition:  # type: ignore[type-arg] (Dagster's own annotation)
    """``AutomationCondition.eager()`` that does not pass over what is there at its first look.

    ``eager`` counts what happens after the sensor was first turned on: data that was stored before stays unmade. Here
    the newest partition is due as long as it is missing and nobody has asked for it.
    """
    condition = dg.AutomationCondition
    due = (condition.newly_missing() | condition.any_deps_updated()).since(
        condition.newly_requested() | condition.newly_updated()
    )
    return (
        condition.in_latest_time_window()
        & due
        & ~condition.any_deps_missing()
        & ~condition.any_deps_in_progress()
        & ~condition.in_progress()
    )
