"""The run launcher of a cluster: Dagster's own on Celery, and a health check that notices a worker that is gone.

Belongs here: whether a run still has a worker. Does not: what happens to one that has none (run monitoring fails it,
and run retries start it again), or the worker itself (``celery_worker``). Needs the extra ``cluster``.
"""

import time
from typing import Any

from dagster import DagsterRun
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

_ANSWER_SECONDS = 2.0
_ANSWERS_HOLD_SECONDS = 5.0
_LOOKS = 2


class ClusterRunLauncher(CeleryRunLauncher):
    """Asks the workers what they hold, where Dagster's asks the result backend what was said last.

    The backend says "started" for ever of a run whose machine lost power, "pending" of a healthy one after Redis lost
    its memory, and "success" of one that could not reach PostgreSQL to say how it ended. A run that no worker holds in
    two looks of the monitor has lost its own.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._missed: dict[str, int] = {}
        self._held: frozenset[str] = frozenset()
        self._asked = -_ANSWERS_HOLD_SECONDS

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Running while a worker holds it; failed once it was missed in two looks, or Celery says that it failed."""
        task = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task and self.celery.AsyncResult(task).state == "FAILURE":
            return CheckRunHealthResult(WorkerStatus.FAILED, "The worker's process ended.")
        if task in self._held_tasks():
            self._missed.pop(run.run_id, None)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        missed = self._missed.pop(run.run_id, 0) + 1
        if missed < _LOOKS:  # it may have just ended, or the worker may be about to connect again
            self._missed[run.run_id] = missed
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "No worker holds this run any more.")

    def _held_tasks(self) -> frozenset[str]:
        """The tasks that are being worked on; one question serves all runs of one look."""
        if time.monotonic() - self._asked >= _ANSWERS_HOLD_SECONDS:
            with self.celery.connection_for_write() as fresh:  # a pooled one may be from before a restart of Redis
                answers = self.celery.control.inspect(timeout=_ANSWER_SECONDS, connection=fresh).active() or {}
            self._held = frozenset(str(task["id"]) for tasks in answers.values() for task in tasks)
            self._asked = time.monotonic()
        return self._held
