"""The web interface in a real browser, on a real webserver, daemon and S3 server; and the README's pictures.

Runs where it is asked for by name (``make ui``) or where nothing may be skipped, as in CI. What the browser saw is
kept below ``artifacts/ui/``.
"""
