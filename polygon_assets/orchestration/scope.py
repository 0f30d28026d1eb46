"""Under which names, keys and attributes one set of assets stands in a code location, which may hold several sets.

Belongs here: what ``build_defs`` is told of names and looks, and the translator. Does not: what an asset is by itself
(``assets``), or where data comes from and goes to (``settings``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import dagster as dg

from polygon_assets.datasets import Dataset
from polygon_assets.errors import InvalidInputError
from polygon_assets.orchestration.resources import Resources, resource_name

DEFAULT_POOL = "polygon_s3"
DEFAULT_OWNERS = ("team:market-data",)

Part = Literal["days", "source", "by_year", "coverage", "agreement", "reference"]
"""Which asset: a dataset's days, the vendor's files upstream of it, its yearly files; the picture, or the comparison,
of all; or a table of corporate actions."""
SensorMode = Literal["on", "stopped", "off"]
"""Sensors run from the start; or are there, for someone to start; or are not there."""


@dataclass(frozen=True)
class TranslatorData:
    """What a translator decides by."""

    part: Part
    dataset: Dataset | None
    """The dataset whose asset it is; None for ``coverage``, ``agreement`` and ``reference``."""
    spec: dg.AssetSpec
    """What the asset would be: prefix, group, owners, tags and kinds are as ``build_defs`` was told."""


class FlatFilesTranslator:
    """Turns what the package says of an asset into your project's terms; derive from it, and override the method."""

    def get_asset_spec(self, data: TranslatorData) -> dg.AssetSpec:
        """The asset's specification: by default ``data.spec`` as it is.

        Key, description, metadata, group, owners, tags, kinds and further dependencies are free. Partitions are not.
        """
        return data.spec


@dataclass(frozen=True, kw_only=True)
class Scope:
    """One call of ``build_defs``, as far as names and looks go."""

    key_prefix: tuple[str, ...] = ()
    """Parts before every asset key."""
    name: str = ""
    """Before the name of every op, sensor and resource, so that two scopes do not collide; may be empty."""
    group_name: str | None = None
    """The group of all its assets; None: one group for each part."""
    owners: Sequence[str] = DEFAULT_OWNERS
    tags: Mapping[str, str] = field(default_factory=dict)
    """Tags of every asset, beside its own."""
    kinds: frozenset[str] | None = None
    """Kinds of every asset; None: its own."""
    pool: str = DEFAULT_POOL
    """The pool of the runs that read the vendor's bucket."""
    sensors: SensorMode = "on"
    translator: FlatFilesTranslator = field(default_factory=FlatFilesTranslator)

    def named(self, plain: str) -> str:
        """The name of an op or a sensor, unique in the code location."""
        return f"{self.name}_{plain}" if self.name else plain

    def key(self, *plain: str) -> dg.AssetKey:
        """An asset's key before the translator sees it."""
        return dg.AssetKey([*self.key_prefix, *plain])

    def resource_keys(self, *kinds: str) -> set[str]:
        """The names under which resources are asked for."""
        return {resource_name(kind, self.name) for kind in kinds}

    def resources(self, opened: Any) -> Resources:
        """What a context's ``resources`` hold, by their plain names."""
        return Resources(opened, self.name)

    @property
    def sensor_status(self) -> dg.DefaultSensorStatus:
        """Whether sensors run before anyone starts them."""
        return dg.DefaultSensorStatus.RUNNING if self.sensors == "on" else dg.DefaultSensorStatus.STOPPED

    def translate(self, part: Part, dataset: Dataset | None, plain: dg.AssetSpec) -> dg.AssetSpec:
        """``plain`` with this scope's attributes, then as the translator wants it.

        Raises:
            InvalidInputError: the translator returned no specification, or one with other partitions.
        """
        mine = plain.merge_attributes(tags=dict(self.tags)).replace_attributes(
            owners=list(self.owners),
            group_name=self.group_name or plain.group_name,
            kinds=set(plain.kinds if self.kinds is None else self.kinds),
        )
        spec = self.translator.get_asset_spec(TranslatorData(part, dataset, mine))
        translator = type(self.translator).__name__
        if not isinstance(spec, dg.AssetSpec):
            raise InvalidInputError(f"{translator}.get_asset_spec returned {spec!r}: return a dagster.AssetSpec")
        if spec.partitions_def != plain.partitions_def:
            raise InvalidInputError(
                f"{translator} changed the partitions of {spec.key.to_user_string()}: leave partitions_def as it is"
            )
        return spec.replace_attributes(skippable=plain.skippable)
