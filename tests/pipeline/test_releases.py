"""A version waits as a canary, is promoted, rolled back and retired, by command."""

from click.testing import CliRunner

from scenerank.pipeline.cli.main import main
from tests.pipeline.small_world import DAY

OLD, NEW = 2024030201, 2024030301


def command(world, name, *args):
    return CliRunner().invoke(main, [name, "-w", world.workspace.root, *args])


def test_the_way_of_a_version(world):
    assert world.run("--day", DAY, "--set", "pusher.canary=true").code == 0
    assert world.workspace.served() == OLD
    shown = command(world, "show").output
    assert [line.split()[-1] for line in shown.splitlines() if line.split()[0] in (str(OLD), str(NEW))] == [
        "service",
        "canary",
    ]
    assert command(world, "promote").output == f"stable: {NEW}\n"
    assert 'key: "stable"' in world.workspace.read_text(world.workspace.uri("serving", "models.config"))
    assert command(world, "rollback", "--previous").output == f"stable: {OLD}\n"
    assert command(world, "retire", "--keep", "1").output == "deleted: nothing\n"
    # a rerun is still a function of its day, and brings nothing back that was withdrawn
    assert world.run("--day", DAY).code == 0
    assert (world.workspace.versions(), world.workspace.served()) == ([OLD, NEW], OLD)
    assert f"versions: {OLD}\n" in world.workspace.read_text(world.workspace.uri("serving", "models.config"))


def test_refusals(world):
    assert command(world, "rollback", "--previous").exit_code == 3
    assert command(world, "rollback").exit_code == 2
    assert command(world, "promote", "2024030101").exit_code == 3
    assert command(world, "retire", "--keep", "0").exit_code == 2
    assert world.workspace.served() == OLD
