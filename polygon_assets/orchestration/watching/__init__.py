"""What looks at the clock and the bucket: sensors, and what they say when something is late or wrong.

Where do I go to…
    see what a tick looks at and asks for?               new_day_sensors.py
    change the rules by which it decides?                new_day_rules.py
    know which runs are on their way?                    active_runs.py
    change when a day is overdue?                        freshness.py
    change who is told, and how?                         notifications.py; webhook.py, apprise_services.py
"""
