"""Many machines in small: PostgreSQL, Redis, nginx, two Celery workers, a daemon and a webserver, over a real S3.

Runs where it is asked for by name (``make test-cluster``) or where nothing may be skipped, as in CI.
"""
