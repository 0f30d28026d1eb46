"""The component: ``build_defs`` for projects of ``dg``, which describe their definitions in YAML.

Belongs here: attributes and their meanings. Does not: what is built of them (``assembly``).
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import dagster as dg
from dagster.components.utils.translation import TranslationFn, TranslationFnResolver
from pydantic import BeforeValidator, Field

from polygon_assets.orchestration.assembly import build_defs
from polygon_assets.orchestration.scope import (
    DEFAULT_OWNERS,
    DEFAULT_POOL,
    FlatFilesTranslator,
    SensorMode,
    TranslatorData,
)


class FlatFilesScaffolder(dg.Scaffolder[Any]):
    """Writes a ``defs.yaml`` that loads as it stands: daily bars, below the folder's name."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        """As ``dg scaffold defs`` calls it."""
        attributes = {
            "datasets": ["stocks_daily", "options_daily"],
            "store": "{{ env('POLYGON_STORE', 'data') }}",
            "key_prefix": request.target_path.name,
        }
        dg.scaffold_component(request, attributes)


def _of_dataset(data: TranslatorData) -> Mapping[str, Any]:
    """What ``translation`` may name."""
    return {"part": data.part, "dataset": data.dataset}


def _as_text(tags: Any) -> Any:
    """``tags`` as they were written: dg's templates turn a text of digits into a number."""
    return {name: str(value) for name, value in tags.items()} if isinstance(tags, Mapping) else tags


@dg.scaffold_with(FlatFilesScaffolder)
class FlatFilesComponent(dg.Component, dg.Model, dg.Resolvable):
    """Polygon's (Massive's) daily flat files as checked, typed Parquet: one asset each, one partition a trading day.

    Keys come from POLYGON_ACCESS_KEY_ID and POLYGON_SECRET_ACCESS_KEY, when a run first needs them.
    """

    datasets: Annotated[
        str | list[str] | None,
        Field(
            description="Names and patterns of datasets; default: the variable POLYGON_DATASETS.",
            examples=[["stocks_daily", "options_*"]],
        ),
    ] = None
    store: Annotated[
        str | None,
        Field(
            description="Where Parquet is published: a folder, or s3://bucket/prefix; default: POLYGON_STORE.",
            examples=["{{ env.POLYGON_STORE }}"],
        ),
    ] = None
    key_prefix: Annotated[
        str | list[str] | None,
        Field(description="What stands before every asset key; default: POLYGON_KEY_PREFIX.", examples=["market"]),
    ] = None
    name: Annotated[
        str | None,
        Field(description="What stands before the names of sensors, ops and resources; default: the prefix."),
    ] = None
    group_name: Annotated[str | None, Field(description="The group of all assets; default: one for each part.")] = None
    owners: Annotated[
        Sequence[str], Field(description="Owners of all assets: addresses, or team:name.", examples=[["team:research"]])
    ] = DEFAULT_OWNERS
    tags: Annotated[
        dict[str, str] | None,
        BeforeValidator(_as_text),
        Field(description="Tags of all assets, beside their own."),
    ] = None
    kinds: Annotated[list[str] | None, Field(description="Kinds of all assets, three at most; default: theirs.")] = None
    pool: Annotated[str, Field(description="The pool of the runs that read the vendor's bucket.")] = DEFAULT_POOL
    sensors: Annotated[
        SensorMode, Field(description="on: they run from the start; stopped: they are there; off: they are not.")
    ] = "on"
    coverage: Annotated[
        bool, Field(description="Are there assets that draw which days are stored, and that compare the datasets?")
    ] = True
    roll_ups: Annotated[bool, Field(description="Are there yearly files beside daily bars?")] = True
    reference: Annotated[bool, Field(description="Are there splits and dividends, and a schedule for them?")] = True
    settings: Annotated[
        dict[str, Any] | None,
        Field(
            description="Further settings instead of environment variables, named as those without POLYGON_, in lower "
            "case.",
            examples=[{"history_start": "2020-01-02", "webhook_url": "{{ env.MARKET_WEBHOOK }}"}],
        ),
    ] = None
    translation: Annotated[
        TranslationFn[TranslatorData] | None,
        TranslationFnResolver[TranslatorData](_of_dataset),
        Field(
            description="Attributes of each asset; may name `spec`, `dataset` and `part`, which is days, source, "
            "by_year, coverage, agreement or reference.",
            examples=[{"description": "{{ spec.description }} Ask the market desk."}],
        ),
    ] = None

    def get_asset_spec(self, data: TranslatorData) -> dg.AssetSpec:
        """The specification of an asset before ``translation``; derive from the component to change it in Python."""
        return data.spec

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:  # noqa: ARG002 (as dg calls it)
        """The definitions of these attributes."""
        return build_defs(
            datasets=self.datasets,
            store=self.store,
            key_prefix=self.key_prefix,
            name=self.name,
            group_name=self.group_name,
            owners=self.owners,
            tags=self.tags,
            kinds=self.kinds,
            pool=self.pool,
            sensors=self.sensors,
            coverage=self.coverage,
            roll_ups=self.roll_ups,
            reference=self.reference,
            settings=self.settings,
            translator=_ComponentTranslator(self),
        )


class _ComponentTranslator(FlatFilesTranslator):
    """What the component's class says, and then its ``translation``."""

    def __init__(self, component: FlatFilesComponent) -> None:
        self._component = component

    def get_asset_spec(self, data: TranslatorData) -> dg.AssetSpec:
        spec = self._component.get_asset_spec(data)
        return self._component.translation(spec, data) if self._component.translation else spec
