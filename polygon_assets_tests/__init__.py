"""Tests; the folders mirror the package, and the rest is named after what it shows.

Where do I go to…
    find a real server to test against?            servers/
    see what holds for every test?                 everywhere.py
    see layers, lock files and commands tested?    project/
"""
