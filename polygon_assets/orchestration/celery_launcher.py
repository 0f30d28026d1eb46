"""The run launcher of a cluster: Dagster's own on Celery, and a health check that notices a worker that is gone.

Belongs here: whether a run still has a worker. Does not: what happens to one that has none (run monitoring fails it,
and run retries start it again), or the worker itself (``celery_worker``). Needs the extra ``cluster``.
"""

import time
from collections.abc import Iterator
from typing import Any

from dagster import DagsterRun
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

_ANSWER_SECONDS = 2.0
_LAST_ANSWER_SECONDS = 10.0
"""The wait for answers before a run is given up: a busy machine's worker may be slower than at other times."""
_ANSWERS_HOLD_SECONDS = 5.0


class ClusterRunLauncher(CeleryRunLauncher):
    """Asks the workers what they hold, where Dagster's asks the result backend what was said last.

    The backend says "started" for ever of a run whose machine lost power, "pending" of a healthy one after Redis lost
    its memory, and "success" of one that could not reach PostgreSQL to say how it ended. A run that no worker names in
    two questions has lost its own.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._missed: dict[str, int] = {}
        self._questions = 0
        self._held: frozenset[str] = frozenset()
        self._asked = -_ANSWERS_HOLD_SECONDS

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Running while a worker holds it; failed once two questions missed it, or Celery says that it failed."""
        task = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task and self.celery.AsyncResult(task).state == "FAILURE":
            return CheckRunHealthResult(WorkerStatus.FAILED, "The worker's process ended.")
        if task in self._held_tasks():
            self._missed.pop(run.run_id, None)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        # It may have just ended, or the worker may be about to connect again. The monitor may look twice at one answer.
        if self._missed.setdefault(run.run_id, self._questions) == self._questions:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        del self._missed[run.run_id]
        return CheckRunHealthResult(WorkerStatus.FAILED, "No worker holds this run any more.")

    def _held_tasks(self) -> frozenset[str]:
        """The tasks that are being worked on; one question serves all runs of one look."""
        if time.monotonic() - self._asked >= _ANSWERS_HOLD_SECONDS:
            self._held = frozenset(self._ask(_LAST_ANSWER_SECONDS if self._missed else _ANSWER_SECONDS))
            self._questions += 1
            self._asked = time.monotonic()
        return self._held

    def _ask(self, seconds: float) -> Iterator[str]:
        """Ask all workers for the tasks that they hold; those that are silent for ``seconds`` hold none."""
        with self.celery.connection_for_write() as fresh:  # a pooled one may be from before a restart of Redis
            answers = self.celery.control.inspect(timeout=seconds, connection=fresh).active() or {}
        return (str(task["id"]) for tasks in answers.values() for task in tasks)
