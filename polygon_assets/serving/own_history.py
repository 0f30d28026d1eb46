"""The demo's made-up days stand in the demo's Dagster home alone, and a user's own in another.

Belongs here: that rule, for whatever is about to tell Dagster of days. Does not: what marks a folder as made up
(``store.marker``), or the home (``home``); nothing here imports Dagster.
"""

from pathlib import Path

from polygon_assets.errors import InvalidInputError
from polygon_assets.settings import dagster_home
from polygon_assets.store.marker import is_made_up


def require_own_history(store_uri: str) -> None:
    """See that made-up days are shown in the demo's Dagster home alone, and in that one no others.

    Raises:
        InvalidInputError: one of the two is the demo's, and the other is not.
    """
    store, home = Path(store_uri), dagster_home()
    if "://" not in store_uri and is_made_up(store):
        if not is_made_up(home):
            raise InvalidInputError(
                f"{store} holds the demo's made-up days: in {home} they would stand among your own. Set "
                f"DAGSTER_HOME={_beside(store) or 'to the home of the demo'}, or POLYGON_STORE to a store of your own."
            )
    elif is_made_up(home):
        raise InvalidInputError(
            f"{home} is the history of the demo's made-up days, and {store_uri} is not the demo's store. Unset "
            f"DAGSTER_HOME, or set it to a folder of your own; for the demo's days, set "
            f"POLYGON_STORE={_beside(home) or 'to the store of the demo'}."
        )


def _beside(folder: Path) -> Path | None:
    """The other folder of the same demo."""
    return next((each for each in sorted(folder.parent.iterdir()) if each != folder and is_made_up(each)), None)
