"""Containers, which nothing here can run: their commands, paths and variables are this project's and Dagster's."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config

import polygon_assets
from polygon_assets.settings import PREFIX, Settings
from polygon_assets_tests.project import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose/compose.yaml").read_text())
VALUES: dict[str, Any] = yaml.safe_load((ROOT / "deploy/kubernetes/values.yaml").read_text())
HELP = """
import contextlib, importlib.metadata, io, json, runpy, subprocess, sys

def ask(program, words):
    if program == "python" and words[0] == "-m":
        runpy.run_module(words[1], run_name="__main__")
    elif program == "python":
        print(subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True).stdout)
    else:
        (script,) = importlib.metadata.entry_points(group="console_scripts", name=program)
        script.load()()

found = {}
for program, *words in json.loads(sys.argv[1]):
    sys.argv = [program, *(words[2:] if words[0] == "-m" else words)]
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        try:
            ask(program, words)
            code = 0
        except SystemExit as ended:
            code = ended.code
    found[" ".join([program, *words])] = code, out.getvalue()
print(json.dumps(found))
"""
SECRET = re.compile(r"(PASSWORD|SECRET|KEY|URLS?)\b")


def commands() -> Iterator[list[str]]:
    """Every command that a container of this image is started or asked with."""
    for said in re.findall(r"CMD (\[.*\])", DOCKERFILE):
        yield json.loads(said)
    for service in COMPOSE["services"].values():
        if service["image"] == "polygon-assets":
            yield from ([service["command"]] if "command" in service else [])
            test = service.get("healthcheck", {}).get("test")
            yield from ([test[1:]] if test else [])
    for deployment in VALUES["dagster-user-deployments"]["deployments"]:
        yield ["dagster", "code-server", "start", *deployment["codeServerArgs"]]


def asked_for_help(command: list[str]) -> list[str]:
    """The command with its words alone and ``--help``; of Python, when it runs no module, Python's own help."""
    program, *rest = command
    words = list(itertools.takewhile(lambda each: not each.startswith("--"), rest))
    return [program, *(words if program != "python" or words[0] == "-m" else []), "--help"]


@pytest.fixture(scope="module")
def helped() -> dict[str, tuple[int, str]]:
    """Exit code and help of each command, all by one process, which imports Dagster once."""
    wanted = json.dumps([asked_for_help(command) for command in commands()])
    done = subprocess.run([sys.executable, "-c", HELP, wanted], capture_output=True, text=True, check=True)
    found: dict[str, tuple[int, str]] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("command", list(commands()), ids=lambda command: " ".join(command)[:60])
def test_a_command_is_there_with_its_options(command: list[str], helped: dict[str, tuple[int, str]]) -> None:
    program, *rest = command
    if rest[0] == "-c":
        compile(rest[1], "healthcheck", "exec")
    assert shutil.which(program, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"), program
    code, text = helped[" ".join(asked_for_help(command))]
    assert code == 0, text
    assert {option for option in rest if option.startswith("--") and option not in text} == set()


def test_the_image_is_made_of_what_is_there_and_of_nothing_else() -> None:
    copied = [
        path for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE) for path in line.split()[:-1]
    ]
    assert len(copied) > 5
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for path in copied:
        assert (ROOT / path).exists()
        assert any(path == each or path.startswith(f"{each}/") for each in allowed), path
    assert "USER 10001" in DOCKERFILE
    assert DOCKERFILE.index("USER 10001") < DOCKERFILE.index("\nCMD")
    assert not [line for line in DOCKERFILE.splitlines() if line.startswith(("ARG", "ENV")) and SECRET.search(line)]


def test_the_image_could_not_be_built_since_the_lock_has_no_extras() -> None:
    """Pip's resolver asks for a hash of ``gql[requests]``, which dagster-graphql needs; the lock has ``gql``."""
    installed = re.findall(r"^RUN (pip install .+)$", DOCKERFILE, re.MULTILINE)
    assert len(installed) == 2
    assert all("--no-deps" in command for command in installed)
    assert "pip check" in installed[-1]
    assert "[" not in re.sub("#.*", "", (ROOT / "requirements/container.txt").read_text())


def test_variables_are_settings_and_secrets_come_from_outside() -> None:
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    environment: dict[str, str] = COMPOSE["x-platform"]["environment"]
    deployment = VALUES["dagster-user-deployments"]["deployments"][0]
    named = {*environment, *(each["name"] for each in deployment["env"])}
    assert {name for name in named if name.startswith(PREFIX)} <= known
    for name, value in environment.items():
        assert "${" in value, name
    assert not [each for each in deployment["env"] if SECRET.search(each["name"])]


def test_only_the_interface_has_a_port_and_on_this_machine_alone() -> None:
    ports = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}
    assert ports == {"webserver": ["127.0.0.1:3000:3000"]}


def test_dagster_takes_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", "postgresql+psycopg2://user:password@127.0.0.1:1/none")
    shutil.copyfile(ROOT / "deploy/compose/dagster.yaml", tmp_path / "dagster.yaml")
    config, _ = dagster_instance_config(str(tmp_path))
    assert config["storage"]["custom"]["class"] == "PooledPostgresStorage"
    assert "run_launcher" not in config  # Dagster's own: runs live in the code server's container
    workspace = yaml.safe_load((ROOT / "deploy/compose/workspace.yaml").read_text())
    (server,) = workspace["load_from"]
    assert server["grpc_server"]["host"] in COMPOSE["services"]
    assert f'"{server["grpc_server"]["port"]}"' in DOCKERFILE


def test_kubernetes_had_no_limit_for_the_vendors_bucket_and_kept_every_tick() -> None:
    """What the chart writes into Dagster's configuration of these values is what the containers have."""
    compose = yaml.safe_load((ROOT / "deploy/compose/dagster.yaml").read_text())

    def snake(value: Any) -> Any:
        if isinstance(value, dict):
            return {re.sub(r"(?=[A-Z])", "_", name).lower(): snake(each) for name, each in value.items()}
        return [snake(each) for each in value] if isinstance(value, list) else value

    limits, kept = snake(VALUES["concurrency"]), snake(VALUES["retention"])
    assert (limits.pop("enabled"), kept.pop("enabled")) == (True, True)
    assert limits == compose["concurrency"]
    assert kept == compose["retention"]
    # With limits here as well, the chart writes nothing, and Dagster would refuse what it wrote.
    assert "config" not in VALUES["dagsterDaemon"]["runCoordinator"]
    assert VALUES["dagsterDaemon"]["runRetries"]["retryOnAssetOrOpFailure"] is False


def test_kubernetes_runs_the_version_that_is_released() -> None:
    (deployment,) = VALUES["dagster-user-deployments"]["deployments"]
    assert deployment["image"]["tag"] == polygon_assets.__version__


@pytest.mark.parametrize("name", ["Dockerfile", "deploy/compose/compose.yaml", "deploy/kubernetes/values.yaml"])
def test_what_was_not_run_says_so(name: str) -> None:
    assert "NOT RUN" in (ROOT / name).read_text()
