"""The image, as far as that goes without an engine."""

import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from tests.pipeline.uv import outside, uv

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
    assert hadolint, "hadolint is missing: run `make install`"
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
    assert [stage.split()[0] for stage in stages][1:] == ["python:${PYTHON}-slim-${DEBIAN}"] * 2
    assert instructions("USER") == ["1000"]
    assert TEXT.rindex("\nUSER") > TEXT.rindex("\nRUN")


def arguments():
    """What each ARG is without a `--build-arg`."""
    return dict(told.split("=", 1) for told in instructions("ARG"))


@pytest.mark.parametrize("platform", ["py310", "py313"])
def test_it_is_a_worker_of_the_beam_that_is_installed(platform):
    (beam,) = re.findall(r"^apache-beam==(\S+)", (ROOT / f"requirements-{platform}.lock").read_text(), re.M)
    other = re.search(rf"--build-arg PLATFORM={platform}.*", TEXT)
    told = arguments() | dict(re.findall(r"--build-arg (\w+)=(\S+)", other[0] if other else ""))
    assert (told["PLATFORM"], told["PYTHON"], told["BEAM"]) == (platform, f"3.{platform[3:]}", beam)
    assert instructions("FROM")[0] == "apache/beam_python${PYTHON}_sdk:${BEAM} AS beam"
    assert "COPY --from=beam /opt/apache/beam /opt/apache/beam" in TEXT


def test_workers_are_told_what_they_need():
    assert instructions("ENTRYPOINT") == ['["/opt/apache/beam/boot"]']
    (environment,) = instructions("ENV")
    told = dict(word.split("=", 1) for word in shlex.split(environment))
    assert told["PATH"].startswith("/opt/venv/bin:")
    assert told["TF_USE_LEGACY_KERAS"] == told["RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT"] == "1"


def test_it_is_the_default_of_the_configuration():
    from scenerank.pipeline.cluster.settings import ContainerSettings

    assert f"-t {ContainerSettings().image} " in TEXT


CHECK = """
import importlib, pkgutil, importlib.metadata, os
from scenerank.pipeline.config import bundled, load_config
assert len(bundled()) == 5, bundled()
for name in bundled():
    assert load_config(name).declared.columns
import scenerank.components as components
folders = [m.name for m in pkgutil.iter_modules(components.__path__) if m.ispkg]
found = [f for f in folders if os.path.exists(os.path.join(components.__path__[0], f, "component.py"))]
for name in found:
    importlib.import_module(f"scenerank.components.{name}.component")
from scenerank.pipeline.drawing import page
import scenerank.pipeline.cluster.container
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
    (tools / "uv").write_text(f'#!/bin/sh\nexec {shlex.join(uv())} "$@"\n')
    (tools / "uv").chmod(0o755)
    (step,) = [run for run in instructions("RUN") if "uv pip install" in run]
    told = {"UV_PYTHON": os.path.realpath(sys.executable), "PATH": f"{tools}:{outside()['PATH']}"}
    told |= arguments() | {"PLATFORM": f"py3{sys.version_info.minor}"}
    _run(["sh", "-c", step.replace("/opt/venv", str(venv))], context, outside() | told)
    inside = {"HOME": str(tmp_path), "PATH": f"{venv}/bin:/usr/bin:/bin"}
    assert "Usage: scenerank" in _run(["scenerank", "--help"], tmp_path, inside)
    assert "sar_net" in _run(["scenerank", "models"], tmp_path, inside)
    told = _run(["python", "-c", CHECK], tmp_path, inside).splitlines()[-1].split()
    assert int(told[0]) >= 10
    development = re.findall(r"^([\w-]+)", (ROOT / "requirements.in").read_text().split("# [development]")[1], re.M)
    assert "ruff" in development
    assert not set(told[1:]) & set(development), "needed only to develop, but installed"
    assert "pip" in told, "Beam's workers call it"
    assert "scenerank" in told


def _run(command, folder, environment):
    executable = shutil.which(command[0], path=environment["PATH"])
    done = subprocess.run(
        [executable, *command[1:]], cwd=folder, env=environment, capture_output=True, text=True, timeout=1200
    )
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]
    return done.stdout
