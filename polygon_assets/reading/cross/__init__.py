"""Datasets that check each other: faults that no file shows by itself, found day by day in what is stored.

Where do I go to…
    see which rules there are, their tolerances and why?   cross_rules.py
    have a stored day checked?                             checking.py
    compare bars with the minutes or trades they sum up?   bars_and_parts.py
    compare a day with the one before it?                  day_before.py
    change what is known of a ticker's day?                summaries.py
    know what was found, and of which files?               ledger.py

Does not belong here: rules about a file by itself (``flatfile.quality``), or showing findings (``cli``,
``orchestration``). A finding never changes what is stored.
"""
