"""What each command does, once its arguments are known to make sense: one module a command, imported when it is called.

Where do I go to…
    serve the platform, or the demo?                     serve.py, demo.py
    bring days in, or say what that would take?          ingest.py, dry_run.py
    show what is stored, and what the bucket has?        status.py, ls.py
    query, verify, roll up, record?                      sql.py, verify.py, rollup.py, record.py
    change what ``doctor`` looks at?                     doctor.py; what it asks the vendor: vendor_checks.py

Does not belong here: options (``cli.commands``), or work that a script could want, too.
"""
