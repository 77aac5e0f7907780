"""Files by URI: written in one step, listed in order, wherever they lie."""

import pytest

from scenerank.components import storage
from scenerank.components.workspace import Workspace
from scenerank.errors import WorkspaceError


@pytest.fixture(params=["path", "URI"])
def folder(request, tmp_path):
    return str(tmp_path / "a b") if request.param == "path" else (tmp_path / "b").as_uri()


def test_what_is_written_is_read(folder):
    storage.write(f"{folder}/x/one.txt", "ä")
    storage.write(f"{folder}/x/one.txt", "ö")
    storage.write_json(f"{folder}/two.json", {"b": 1, "a": [2]})
    with storage.open_output(f"{folder}/three") as stream:
        stream.write(b"12345")
    assert storage.read_text(f"{folder}/x/one.txt") == "ö" and storage.read_json(f"{folder}/two.json")["a"] == [2]
    assert storage.size(f"{folder}/three") == 5
    with storage.open_input(f"{folder}/three") as stream:
        stream.seek(3)
        assert stream.read() == b"45"


def test_a_name_decides_nothing(folder):
    """Arrow would compress what is written to `.gz`, and inflate what is read."""
    storage.write(f"{folder}/one.gz", b"plain")
    with storage.open_output(f"{folder}/two.gz") as stream:
        stream.write(b"plain")
    for name in ("one.gz", "two.gz"):
        assert storage.read(f"{folder}/{name}") == b"plain" and storage.size(f"{folder}/{name}") == 5


def test_listings_are_in_order_and_empty_where_nothing_is(folder):
    assert storage.files(folder) == storage.names(folder) == storage.expand([f"{folder}/*"]) == []
    for name in ("b.gz", "a.gz", "deep/c.gz"):
        storage.write(f"{folder}/{name}", name)
    assert storage.names(folder) == ["a.gz", "b.gz", "deep"]
    assert storage.files(f"{folder}/") == [f"{folder}/{name}" for name in ("a.gz", "b.gz", "deep/c.gz")]
    assert storage.expand([f"{folder}/b*", f"{folder}/?.gz"]) == [f"{folder}/{n}.gz" for n in ("a", "b", "b")]


@pytest.mark.parametrize("name", ["w[1]", "w*", "w?x", "[a-z]*/[!b]"])
def test_a_folder_is_its_name_and_no_pattern(tmp_path, name):
    for inner in (name, "w1", "wax", "b/a"):
        storage.write(f"{tmp_path}/{inner}/a.gz", inner)
    assert storage.expand([f"{tmp_path}/{name}/*"]) == [f"{tmp_path}/{name}/a.gz"]
    assert storage.read_text(f"{tmp_path}/{name}/a.gz") == name


def test_moved_and_deleted(folder):
    storage.write(f"{folder}/one", "1")
    storage.write(f"{folder}/two", "2")
    storage.move(f"{folder}/one", f"{folder}/two")
    assert not storage.exists(f"{folder}/one") and storage.read_text(f"{folder}/two") == "1"
    assert storage.is_folder(folder) and not storage.is_folder(f"{folder}/two")
    storage.delete(f"{folder}/two")
    storage.delete(f"{folder}/two")
    storage.delete(folder)
    assert not storage.exists(folder)
    for missing in (storage.read, storage.size, storage.open_input):
        with pytest.raises(FileNotFoundError):
            missing(f"{folder}/two")


def test_a_write_that_fails_leaves_what_was_there(folder, monkeypatch):
    storage.write(f"{folder}/one", "old")

    def fails(source, target):
        raise OSError("disk full")

    monkeypatch.setattr("scenerank.components.storage.os.replace", fails)
    with pytest.raises(OSError, match="disk full"):
        storage.write(f"{folder}/one", "new")
    assert storage.read_text(f"{folder}/one") == "old"


@pytest.mark.parametrize("name", ["w[1]", "w*", "what?"])
def test_a_workspace_that_beam_would_take_for_a_pattern_is_refused(tmp_path, name):
    with pytest.raises(WorkspaceError, match="choose another path") as error:
        Workspace(str(tmp_path / name))
    assert str(tmp_path / name) in str(error.value)
    assert Workspace(str(tmp_path / "w]{a}")).root == str(tmp_path / "w]{a}")
