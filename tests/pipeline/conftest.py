import fcntl
import os
import shutil

import pytest

from tests.pipeline.small_world import SECOND, World


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """Days 1 and 2 published, a model of day 2 in service, day 3 only logged; made once for all workers."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "base"
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder / "world", ignore_errors=True)
            answer = World.create(folder / "world").run("--day", SECOND)
            assert answer.code == 0, answer.text
            (folder / "complete").touch()
    return World(folder / "world")


@pytest.fixture
def world(base, tmp_path):
    """A copy of `base` to spoil."""
    return base.copy(tmp_path / "world")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """What raw columns and the truth of small prepared data lie in, see `explained`."""
    from tests.pipeline import explained

    return explained.workspace(tmp_path_factory.mktemp("explain"))


@pytest.fixture
def subject(workspace):
    """Maker of a small model to be explained."""
    from tests.pipeline import explained

    def made(name, at=workspace, **settings):
        return explained.subject(name, at, **settings)

    return made
