"""The image, as far as that goes without an engine."""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
TEXT = (ROOT / "Dockerfile").read_text()
KEPT = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]


def instructions(name):
    """Arguments of each instruction of the name, continued lines joined."""
    joined = re.sub(r"\\\n\s*", "", TEXT)
    return [line.split(None, 1)[1] for line in joined.splitlines() if line.startswith(f"{name} ")]


def copied():
    """Sources and target of each COPY from the context."""
    return [(w[:-1], w[-1]) for w in map(str.split, instructions("COPY")) if not w[0].startswith("--from")]


def tracked():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    return files.stdout.splitlines()


def test_hadolint_has_nothing_to_say():
    hadolint = shutil.which("hadolint", path=f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}")
    assert hadolint, "hadolint is missing: install requirements.lock"
    done = subprocess.run([hadolint, "--no-color", "Dockerfile"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_what_is_copied_is_there_and_not_ignored():
    sources = [source for group, _ in copied() for source in group]
    assert len(sources) >= 9
    files = tracked()
    for source in sources:
        assert source in KEPT
        assert any(file == source or file.startswith(f"{source}/") for file in files)
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()
    assert sorted(KEPT) == sorted(sources), "what is sent to the engine is what is copied"


def test_it_is_small_and_does_not_run_as_root():
    stages = instructions("FROM")
    assert len(stages) == 2
    assert all(stage.split()[0].endswith("-slim-bookworm") for stage in stages)
    assert instructions("USER") == ["1000"]
    assert TEXT.rindex("\nUSER") > TEXT.rindex("\nRUN")


def test_it_is_a_worker_of_the_beam_that_is_installed():
    (beam,) = re.findall(r"^apache-beam==(\S+)", (ROOT / "requirements.lock").read_text(), re.M)
    assert f"apache/beam_python3.10_sdk:{beam} /opt/apache/beam /opt/apache/beam" in TEXT
    assert instructions("ENTRYPOINT") == ['["/opt/apache/beam/boot"]']
    (environment,) = instructions("ENV")
    told = dict(word.split("=", 1) for word in shlex.split(environment))
    assert told["PATH"].startswith("/opt/venv/bin:")
    assert told["TF_USE_LEGACY_KERAS"] == told["RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT"] == "1"


def test_it_is_the_default_of_the_configuration():
    from pipeline.cluster.settings import ContainerSettings

    assert f"-t {ContainerSettings().image} " in TEXT


CHECK = """
import importlib, pkgutil, importlib.metadata, os
from pipeline.config import bundled, load_config
assert len(bundled()) == 5, bundled()
for name in bundled():
    assert load_config(name).declared.columns
import components
folders = [m.name for m in pkgutil.iter_modules(components.__path__) if m.ispkg]
found = [f for f in folders if os.path.exists(os.path.join(components.__path__[0], f, "component.py"))]
for name in found:
    importlib.import_module(f"components.{name}.component")
from components.report import page
import pipeline.cluster.container
print(len(found), *sorted(d.metadata["Name"].lower() for d in importlib.metadata.distributions()))
"""


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_install_step(tmp_path):
    """What is copied, and nothing else, installs into an empty environment and works from there."""
    context, tools, venv = tmp_path / "src", tmp_path / "tools", tmp_path / "venv"
    for file in tracked():
        for group, target in copied():
            for source in group:
                if file == source or file.startswith(f"{source}/"):
                    to = context / (file if target == "./" else target + file.removeprefix(source))
                    to.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(ROOT / file, to)
    tools.mkdir()
    here = os.path.dirname(sys.executable)
    path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if part != here)
    (tools / "uv").write_text(f'#!/bin/sh\nexec {shutil.which("python3", path=path)} -m uv "$@"\n')
    (tools / "uv").chmod(0o755)
    (step,) = [run for run in instructions("RUN") if "uv pip install" in run]
    (package,) = [told.partition("=")[2] for told in instructions("ARG")]
    outside = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    told = {"UV_PYTHON": os.path.realpath(sys.executable), "PACKAGE": package, "PATH": f"{tools}:{path}"}
    _run(["sh", "-c", step.replace("/opt/venv", str(venv))], context, outside | told)
    inside = {"HOME": str(tmp_path), "PATH": f"{venv}/bin:/usr/bin:/bin"}
    assert "Usage: scenerank" in _run(["scenerank", "--help"], tmp_path, inside)
    assert "sar_net" in _run(["scenerank", "models"], tmp_path, inside)
    told = _run(["python", "-c", CHECK], tmp_path, inside).splitlines()[-1].split()
    assert int(told[0]) >= 10
    development = (ROOT / "requirements.in").read_text().split("# development")[1].split()
    assert not set(told[1:]) & (set(development) - {"types-pyyaml"}), "needed only to develop, but installed"
    assert "scenerank" in told


def _run(command, folder, environment):
    executable = shutil.which(command[0], path=environment["PATH"])
    done = subprocess.run(
        [executable, *command[1:]], cwd=folder, env=environment, capture_output=True, text=True, timeout=1200
    )
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]
    return done.stdout
