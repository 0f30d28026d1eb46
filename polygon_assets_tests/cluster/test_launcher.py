"""When a run is given up: judged by what the workers answer, not by how often the monitor looks."""

from collections.abc import Iterator

import pytest
from dagster import DagsterRun
from dagster._core.launcher import WorkerStatus
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from polygon_assets.orchestration.celery_launcher import ClusterRunLauncher

RUN = DagsterRun("stocks_daily", tags={DAGSTER_CELERY_TASK_ID_TAG: "the-task"})


class Workers(ClusterRunLauncher):
    """A launcher whose workers answer what a test says; the seconds that each question waited."""

    def __init__(self, *answers: list[str]) -> None:
        super().__init__(default_queue="dagster", broker="memory://", backend="cache+memory://")
        self.answers = list(answers)
        self.waited: list[float] = []

    def _ask(self, seconds: float) -> Iterator[str]:
        self.waited.append(seconds)
        return iter(self.answers.pop(0))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The launcher's clock, in seconds."""
    now = [1000.0]
    monkeypatch.setattr("polygon_assets.orchestration.celery_launcher.time.monotonic", lambda: now[0])
    return now


def looks(workers: Workers, clock: list[float], count: int, every: float) -> list[WorkerStatus]:
    """What ``count`` looks of the monitor find."""
    found = []
    for _ in range(count):
        found.append(workers.check_run_worker_health(RUN).status)
        clock[0] += every
    return found


def test_one_answer_that_came_too_late_fails_no_run(clock: list[float]) -> None:
    """Happened in CI: the monitor looked twice at one answer of a busy worker, and a healthy run was failed."""
    workers = Workers([], ["the-task"], [], ["the-task"])
    assert looks(workers, clock, 8, every=3.0) == [WorkerStatus.RUNNING] * 8
    assert workers.waited == [2.0, 10.0, 2.0, 10.0], "who seems lost gets longer to answer"


def test_a_run_that_two_questions_missed_has_lost_its_worker(clock: list[float]) -> None:
    workers = Workers(["the-task"], ["another"], ["another"])
    assert looks(workers, clock, 3, every=30.0) == [WorkerStatus.RUNNING, WorkerStatus.RUNNING, WorkerStatus.FAILED]
    assert workers._missed == {}
