"""The platform's own definitions, whose sensors look every ten seconds where they wait ten minutes for the vendor."""

from polygon_assets.orchestration.assembly import build_definitions
from polygon_assets.orchestration.watching import new_day_sensors as sensors
from polygon_assets.settings import load_settings

sensors.INTERVAL_SECONDS = 10
defs = build_definitions(load_settings())
