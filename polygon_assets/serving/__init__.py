"""Dagster's processes on one machine: its home, the web interface, the daemon, the code server.

Where do I go to…
    make a home ready, or open it?                       home.py
    start and stop the processes?                        processes.py
    mend what a crash or a wrong clock left behind?      recovery.py
"""
