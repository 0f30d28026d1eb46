"""Commands that look closer: where datasets contradict each other, and what is stored of one ticker.

Where do I go to…
    show what datasets say of each other?    cross.py (``verify --cross``)
    show on which days a ticker has rows?    one_ticker.py (``status --ticker``)

Does not belong here: finding it (``polygon_assets.reading``).
"""
