"""Tests of ``polygon_assets.flatfile.ticks``, and of what files of ticks go through."""
