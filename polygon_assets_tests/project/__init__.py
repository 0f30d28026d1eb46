"""The project as such: its layers, lock files, commands and configuration."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
