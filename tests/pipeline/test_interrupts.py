"""Ctrl-C on a terminal, and SIGTERM without one, in the middle of a run."""

from __future__ import annotations

import signal

import pytest

from tests.pipeline.interrupted import interrupted, run_command
from tests.pipeline.small_world import DAY, FIRST, SECOND

pytestmark = pytest.mark.slow
MOMENT_S = 9.0
"""After the imports, before a tiny day can have ended."""


@pytest.mark.parametrize(("number", "terminal"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_a_run_ends_at_once_with_one_sentence_and_nobody_left(world, base, number, terminal):
    end = interrupted(run_command(world.workspace.root, world.config, DAY), MOMENT_S, number, terminal)
    assert end is not None and end.clean(number), end
    assert world.served() == base.served()
    assert world.published(FIRST, SECOND) == base.published(FIRST, SECOND)
