"""What Dagster loads: ``defs``, assembled from the environment. Assembly only."""

from polygon_assets.orchestration.assembly import build_defs

defs = build_defs(standalone=True)
