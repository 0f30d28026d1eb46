"""Real servers for tests, on 127.0.0.1 and free ports, ended by whoever started them.

Belongs here: SeaweedFS (an S3 that checks signatures) and the project's own misbehaving servers.
Does not: fixtures (``conftest.py``), or anything the package itself needs.
"""
