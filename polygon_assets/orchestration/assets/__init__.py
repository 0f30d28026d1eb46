"""What Dagster shows as assets: what makes them, what is checked, and what their events say.

Where do I go to…
    change how days become events?                       flat_file_assets.py
    change checks?                                       checks.py
    change what an event shows?                          metadata.py
    tell Dagster of days that no run of it stored?       recording.py
    see when splits and dividends are asked for?         reference_assets.py
    change the coverage picture, or years' files?        coverage.py, roll_up_assets.py
    see when datasets are held against each other?       agreement.py
"""
