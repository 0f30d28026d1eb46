"""What a worker of a cluster runs: ``celery -A polygon_assets.orchestration.celery_worker worker``.

Broker, backend and settings are those of the run launcher in ``dagster.yaml``, so that they are written once and the
broker's password lies in no file of the worker's. Needs the extra ``cluster`` and ``DAGSTER_HOME``.
"""

from celery import Celery
from dagster import DagsterInstance
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

from polygon_assets.errors import ConfigurationMissingError


def build_app() -> Celery:
    """The Celery application of the instance's run launcher, with the tasks that execute runs.

    Raises:
        ConfigurationMissingError: ``dagster.yaml`` launches runs otherwise.
    """
    with DagsterInstance.get() as instance:
        launcher = instance.run_launcher
    if not isinstance(launcher, CeleryRunLauncher):
        raise ConfigurationMissingError(
            f"The dagster.yaml in DAGSTER_HOME starts runs by {type(launcher).__name__}, not by Celery: "
            "use deploy/cluster/dagster.yaml."
        )
    create_execute_job_task(launcher.celery)
    create_resume_job_task(launcher.celery)
    return launcher.celery


app = build_app()
