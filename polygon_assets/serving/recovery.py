"""What a crash or a wrong clock left behind, mended when the platform starts on one machine.

Runs whose process was killed, or lost with its machine, so that nobody says how they ended; and ticks of the future.
Does not belong here: a cluster's runs, whose launcher asks its workers (``celery_launcher``).
"""

import datetime as dt
import socket

import dagster as dg

from polygon_assets.orchestration.dagster_internals import code_server_of, forget_ticks_after
from polygon_assets.orchestration.sqlite_storage import run_locks

_WITH_A_PROCESS = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_CAUSE = "The process of this run has ended without a word (killed, or its machine lost power). Found when starting."
_ANSWER_SECONDS = 2.0


def end_orphans(instance: dg.DagsterInstance) -> list[str]:
    """End the runs whose process is gone, and free what they held; their ids. Run retries start them again.

    Without this they hold the queue's slots, and their days are asked for by nobody, until ``max_runtime_seconds``.
    """
    if not isinstance(instance.run_launcher, dg.DefaultRunLauncher):
        return []
    locks = run_locks(instance)
    ended = []
    for run in instance.get_runs(dg.RunsFilter(statuses=_WITH_A_PROCESS)):
        alive = locks.is_alive(run.run_id) if locks else None
        if alive or (alive is None and _may_be_launched(run)):
            continue
        _end(instance, run)
        if locks:
            locks.forget(run.run_id)
        ended.append(run.run_id)
    return ended


def _end(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    if run.status is dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, _CAUSE)
    else:
        instance.report_run_failed(run, _CAUSE)
    if instance.event_log_storage.supports_global_concurrency_limits:
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _may_be_launched(run: dg.DagsterRun) -> bool:
    """Does the code server answer that was to start ``run``? True, too, where it is not known which that is."""
    try:
        server = code_server_of(run)
        if path := server.get("socket"):
            with socket.socket(socket.AF_UNIX) as local:
                local.settimeout(_ANSWER_SECONDS)
                local.connect(path)
        else:
            socket.create_connection((server["host"], server["port"]), _ANSWER_SECONDS).close()
    except (KeyError, ValueError):
        return True
    except OSError as error:
        return isinstance(error, TimeoutError)
    return True


def forget_ticks_of_the_future(instance: dg.DagsterInstance, now: dt.datetime) -> list[str]:
    """Let sensors tick whose last tick lies after ``now``, as a clock that was ahead has written it; their names.

    Dagster's daemon waits until that time, and as long as the sensor's interval after it. Cursors stay.
    """
    return forget_ticks_after(instance, now.timestamp())
