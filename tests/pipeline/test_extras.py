"""What of the package needs what else to be installed."""

import importlib.metadata
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from scenerank.pipeline.extras import advice
from tests.pipeline.uv import outside, uv

ROOT = pathlib.Path(__file__).parents[2]
PLATFORM = "py310" if sys.version_info < (3, 11) else "py313"
HEAVY = {"tensorflow", "tfx", "apache-beam", "kfp", "matplotlib", "scikit-learn"}


@pytest.mark.parametrize(
    ("module", "extra"),
    [("tensorflow.python", "training"), ("tensorflow_serving.apis", "serving-client"), ("kfp", "kubeflow"),
     ("jinja2", "report"), ("sklearn.metrics", "benchmark"), ("tfx", "training"), ("ml_metadata", "training")],
)  # fmt: skip
def test_a_missing_module_names_its_extra(module, extra):
    assert f"'scenerank[{extra}]'" in advice(ModuleNotFoundError(name=module))


ABSENT = ("apache_beam", "google", "kfp", "ml_metadata", "tensorflow", "tensorflow_metadata", "tf_keras", "tfx")
"""What is imported where days are run."""


def test_a_module_that_no_extra_has_is_said_as_it_is():
    assert advice(ModuleNotFoundError(name="schemas.nothing")) is None
    assert advice(ModuleNotFoundError()) is None


def test_every_extra_is_declared():
    told = set(importlib.metadata.metadata("scenerank").get_all("Provides-Extra"))
    listed = set(re.findall(r"^# \[(.+)\]", (ROOT / "requirements.in").read_text(), re.M))
    assert listed - {"development"} | {"all", "cuda"} == told


def test_a_configuration_is_read_without_what_only_runs_need():
    blocked = f"""
import importlib.abc, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(ABSENT)}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Absent())
from scenerank.pipeline.config import load_config
from scenerank.pipeline.cluster import schedule
load_config("simulator")
"""
    done = subprocess.run([sys.executable, "-c", blocked], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_without_extras_little_is_installed_and_light_commands_work(tmp_path):
    """Who asks by REST, or schedules what runs elsewhere, needs neither TensorFlow nor TFX."""
    venv, source = tmp_path / "venv", tmp_path / "source"
    kept = shutil.ignore_patterns(".*", "build", "tests", "docs", "*.egg-info", "workspace")
    shutil.copytree(ROOT, source, ignore=kept)
    _uv("venv", "-q", "--python", sys.executable, str(venv))
    lock = str(ROOT / f"requirements-{PLATFORM}.lock")
    told = ["--python", str(venv / "bin/python"), "--override", lock, "--build-constraints", lock]
    _uv("pip", "install", "-q", *told, str(source))
    names = {
        path.name.partition("-")[0].lower().replace("_", "-") for path in venv.glob("lib/*/site-packages/*.dist-info")
    }
    assert "scenerank" in names and not names & HEAVY
    assert len(names) < 25, names
    assert "Usage: scenerank" in scenerank(venv, "--help")[1]
    code, text = scenerank(venv, "deploy", "-c", "simulator", "-w", str(tmp_path / "w"), "--docker")
    assert code == 2 and "pip install 'scenerank[serving-client]'" in text, text
    code, text = scenerank(venv, "schedule", "-c", "simulator", "-w", "s3://bucket/w")
    assert code == 0 and "CronJob" in text, text
    code, text = scenerank(venv, "simulate", "-w", str(tmp_path / "w"), "--days", "1", "--impressions-per-day", "100")
    assert code == 0, text
    code, text = scenerank(venv, "run", "-c", "simulator", "-w", str(tmp_path / "w"), "--day", "2024-03-01")
    assert code == 2 and "pip install 'scenerank[training]'" in text, text


def _uv(*arguments):
    done = subprocess.run([*uv(), *arguments], env=outside(), cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-1500:]


def scenerank(venv, *arguments):
    inside = {"PATH": f"{venv}/bin:/usr/bin:/bin", "HOME": str(venv)}
    command = [venv / "bin/scenerank", *arguments]
    done = subprocess.run(command, env=inside, cwd=venv, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr
