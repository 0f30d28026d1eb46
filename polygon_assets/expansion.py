"""How much a gzip stream may expand: the bound that keeps a decompression bomb from filling memory or disk."""

from dataclasses import dataclass

from polygon_assets.wording import counted

GRACE_BYTES = 64 * 1024**2
"""Decompressed bytes from which the ratio counts: a small file may be all one letter."""


@dataclass(frozen=True)
class ExpansionLimit:
    """What one stream may decompress to."""

    max_bytes: float
    """Decompressed bytes."""
    max_ratio: float
    """Decompressed bytes for each compressed one, beyond the first 64 MiB."""
    bytes_setting: str
    """What the caller calls ``max_bytes``, for the message."""
    ratio_setting: str

    def exceeded(self, expanded: int, compressed: int) -> str | None:
        """What is wrong with ``expanded`` bytes from ``compressed`` ones, and the setting to raise; None: nothing."""
        if expanded > self.max_bytes:
            said, setting = f"{self.max_bytes:,} bytes", self.bytes_setting
        elif expanded > max(GRACE_BYTES, self.max_ratio * compressed):
            said, setting = f"{self.max_ratio:g} times its {counted(compressed, 'byte')}", self.ratio_setting
        else:
            return None
        return f"decompresses to more than {said}; raise {setting} if it is genuine"
