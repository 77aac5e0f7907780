"""What a command reads from others is refused where it would do harm, and never run."""

import pytest

from tests.pipeline.evil_files import attempt, attempts, refused

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("kind", "place", "arguments"), [a[1:] for a in attempts()], ids=[a[0] for a in attempts()])
def test_it_is_refused(kind, place, arguments, world):
    before = world.served()
    answer, path, ran = attempt(world, kind, place, arguments)
    assert refused(answer, path, ran), (answer, ran)
    if "/models/" not in path and "/checkpoints/" not in path:
        assert world.served() == before
