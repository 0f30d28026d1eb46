"""Downloads on servers that misbehave: the scorecard of ``docs/reliability.md``, row by row.

A test says which row it shows with ``@pytest.mark.scorecard(row)``, and what it saw with the fixture ``seen``;
``python -m polygon_assets_tests.faults.scorecard`` runs them all and prints the table.
"""
