"""What Dagster loads of this project. Assembly only."""

import dagster as dg

from market_views.option_chain import build_option_chain
from market_views.views import Views
from market_views.weekly_bars import build_weekly_bars
from polygon_assets.calendars import trading_calendar
from polygon_assets.settings import load_settings

settings = load_settings()
calendar = trading_calendar("XNYS", settings.extra_closures)

defs = dg.Definitions(
    assets=[
        build_weekly_bars(calendar, settings.history_start),
        build_option_chain(calendar, settings.history_start),
    ],
    # Dagster's own is off until someone turns it on.
    sensors=[
        dg.AutomationConditionSensorDefinition(
            "market_views", target=dg.AssetSelection.all(), default_status=dg.DefaultSensorStatus.RUNNING
        )
    ],
    resources={"views": dg.ResourceDefinition(lambda _: Views(), config_schema={})},
    executor=dg.in_process_executor,
)
