"""What Dagster loads: ``defs``, assembled from the environment. Assembly only."""

from polygon_assets.orchestration.assembly import build_definitions
from polygon_assets.settings import load_settings

defs = build_definitions(load_settings())
