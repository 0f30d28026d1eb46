"""The Makefile, .ci/run, and the rules that hold for every test."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from polygon_assets_tests import session as everywhere
from polygon_assets_tests.project import ROOT

pytestmark = pytest.mark.slow

COMMANDS = [
    "install",
    "demo",
    "dev",
    "test",
    "test-fast",
    "check",
    "faults",
    "soak",
    "cluster",
    "ui",
    "docs",
    "screenshots",
    "bench",
    "big",
    "lowest",
    "newest",
    "lock",
]
Done = subprocess.CompletedProcess[str]


def make(*arguments: str, folder: Path = ROOT) -> Done:
    """Run make as from a shell, not as part of the make that runs these tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_make_alone_lists_every_command() -> None:
    listed = re.findall(r"^  make ([\w-]+) +\S.+$", make().stdout, re.MULTILINE)
    assert set(COMMANDS) <= set(listed)


@pytest.mark.parametrize(("arguments", "quiet"), [([], False), (["UI=1"], False), (["UI=0"], True)])
def test_the_demo_serves_its_ui_unless_told_not_to(arguments: list[str], quiet: bool) -> None:
    shown = make("--dry-run", "demo", *arguments).stdout
    assert "polygon-assets demo" in shown
    assert ("--no-ui" in shown) is quiet


def test_installing_compiles_what_is_installed_and_this_package() -> None:
    """Without byte code the first call took five seconds, and each one did where the folder was read-only."""
    shown = make("--dry-run", "--always-make", ".venv/.dev").stdout
    installed = [line for line in shown.splitlines() if "uv pip install" in line]
    assert len(installed) == 3
    assert all("--compile-bytecode" in line for line in installed)
    assert "python -m compileall -q polygon_assets" in shown


@pytest.mark.parametrize("version", ["3.10.14", None])
def test_make_says_which_python_it_needs(tmp_path: Path, version: str | None) -> None:
    shutil.copyfile(ROOT / "Makefile", tmp_path / "Makefile")
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/uv.txt").touch()
    python = tmp_path / "python"
    if version:
        python.write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && echo Python {version} && exit 0\n'
            f"exec {sys.executable} -c \"import sys; sys.version_info = tuple(map(int, '{version}'.split('.'))); $2\"\n"
        )
        python.chmod(0o755)
    done = make(".venv/.uv", f"PYTHON={python}", folder=tmp_path)
    assert done.returncode != 0
    assert (
        f"Python 3.11 or newer is needed; '{python}' is {f'Python {version}' if version else 'missing'}." in done.stderr
    )
    assert not (tmp_path / ".venv").exists()


def test_ci_is_a_script_that_bash_can_read() -> None:
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)


def run_tests(folder: Path, source: str, **variables: str) -> Done:
    """Run ``source`` as a test module of its own, with the plugin that holds for every test."""
    (folder / "test_example.py").write_text(textwrap.dedent(source))
    environment = {name: value for name, value in os.environ.items() if name != everywhere.NO_SKIPS}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", everywhere.__name__, "-p", "no:cacheprovider", "-q", str(folder)],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT)} | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


SKIPPING = """
    import pytest

    @pytest.mark.skip(reason="by mark")
    def test_marked(): ...

    def test_inside(): pytest.skip("no browser")

    @pytest.fixture
    def missing(): pytest.skip("no server")

    def test_fixture(missing): ...

    @pytest.mark.xfail(reason="known")
    def test_known(): assert False

    def test_good(): ...
"""


@pytest.mark.parametrize(
    ("variables", "summary"),
    [({}, "1 passed, 3 skipped, 1 xfailed"), ({everywhere.NO_SKIPS: "1"}, "1 failed, 1 passed, 1 xfailed, 2 errors")],
    ids=["at home", "in CI"],
)
def test_in_ci_a_skip_is_a_failure(tmp_path: Path, variables: dict[str, str], summary: str) -> None:
    done = run_tests(tmp_path, SKIPPING, **variables)
    assert summary in done.stdout
    assert "no browser" in done.stdout or not variables


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        ([], False),
        (["polygon_assets_tests/download"], False),
        (["polygon_assets_tests/ui"], True),
        (["polygon_assets_tests/ui/test_by_hand.py::test_one"], True),
    ],
)
def test_a_slow_suite_runs_where_it_is_named_and_in_ci(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], asked: bool
) -> None:
    config = cast("pytest.Config", SimpleNamespace(args=arguments))
    monkeypatch.delenv(everywhere.NO_SKIPS, raising=False)
    assert everywhere.is_asked_for(config, ROOT / "polygon_assets_tests/ui") is asked
    monkeypatch.setenv(everywhere.NO_SKIPS, "1")
    assert everywhere.is_asked_for(config, ROOT / "polygon_assets_tests/ui")


GROUPS = {
    "test_many.py": "import pytest\n@pytest.mark.parametrize('n', range(3))\ndef test_quick(n): ...\n",
    "test_one.py": "def test_quick(): ...\n",
    "test_slow.py": "import pytest\ndef test_quick(): ...\n@pytest.mark.slow\ndef test_slow(): ...\n",
    "test_demo.py": "def test_quick(): ...\n",
    "test_server.py": "import pytest\n@pytest.fixture\ndef platform(): ...\ndef test_it(platform): ...\n",
}


def test_heavy_and_slow_groups_begin_first_and_the_fast_tests_can_be_had_alone(tmp_path: Path) -> None:
    for name, source in GROUPS.items():
        (tmp_path / name).write_text(source)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        everywhere.__name__,
        "-p",
        "no:cacheprovider",
        "--collect-only",
        "-q",
    ]

    def collected(*arguments: str) -> list[str]:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [*command, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return [line.partition("::")[0] for line in done.stdout.splitlines() if "::" in line]

    assert list(dict.fromkeys(collected())) == [
        "test_demo.py", "test_slow.py", "test_many.py", "test_one.py", "test_server.py",
    ]  # fmt: skip
    fast = collected("-m", "not slow and not integration")
    assert sorted(fast) == [
        "test_demo.py",
        "test_many.py",
        "test_many.py",
        "test_many.py",
        "test_one.py",
        "test_slow.py",
    ]


def test_ctrl_c_reaches_children_even_where_the_shell_runs_this_in_the_background(tmp_path: Path) -> None:
    """A shell has its background jobs ignore it, and their children inherit that: tests of signals waited in vain."""
    source = "import signal\ndef test_it(): assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
    (tmp_path / "test_example.py").write_text(source)
    command = f"trap '' INT; exec {sys.executable} -m pytest -p {everywhere.__name__} -p no:cacheprovider -q"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(["sh", "-c", command], cwd=tmp_path, env=environment, check=True, timeout=60, capture_output=True)


def test_in_ci_a_skipped_module_is_a_failure(tmp_path: Path) -> None:
    source = "import pytest\npytest.skip('no cluster', allow_module_level=True)\n"
    assert run_tests(tmp_path, source).returncode == 5
    done = run_tests(tmp_path, source, **{everywhere.NO_SKIPS: "1"})
    assert done.returncode not in {0, 5}
    assert "no cluster" in done.stdout


def test_a_test_sees_nothing_of_the_users_subscription(tmp_path: Path) -> None:
    source = """
        import os

        def test_clean():
            assert not [name for name in os.environ if name.startswith(("POLYGON_", "DAGSTER_", "AWS_"))]
    """
    variables = {"POLYGON_ACCESS_KEY_ID": "mine", "DAGSTER_HOME": "mine", "AWS_PROFILE": "mine"}
    assert run_tests(tmp_path, source, **variables).returncode == 0
