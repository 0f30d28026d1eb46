"""Dagster's processes on one machine: its home, the web interface, the daemon, the code server.

Where do I go to…
    make a home ready, or open it?                       home.py; the demo's apart from others: own_history.py
    start and stop the processes?                        processes.py
    know who may ask the web interface, and how?         web_guard.py; around Dagster's programs: guarded.py
    mend what a crash or a wrong clock left behind?      recovery.py
    see who may ask the web interface, and how?          web_guard.py
    start Dagster's programs with that guard?            guarded.py
"""
