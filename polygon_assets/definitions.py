"""What Dagster loads: ``defs``, assembled from the environment. Assembly only."""

from polygon_assets.orchestration.assembly import build_defs
from polygon_assets.serving.own_history import require_own_history
from polygon_assets.settings import load_settings, names_dagster_home

if names_dagster_home():  # without it, `dagster dev` has a history of its own, for as long as it runs
    require_own_history(load_settings().store_uri)
defs = build_defs(standalone=True)
