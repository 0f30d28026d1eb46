"""A project of its own that builds on the platform: weekly bars and an option chain, in another code location.

It imports from ``polygon_assets`` only what is public, and refers to its assets by key.
"""
