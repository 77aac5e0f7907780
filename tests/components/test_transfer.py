"""Files of the workspace as files of an artifact."""

import os
import pathlib

import pytest
from pyarrow import fs

from scenerank.components import storage, transfer
from tests.components.small_days import fill


def test_links_on_one_disk(tmp_path):
    source = fill(tmp_path / "from", a="1", b__gz="2")
    fill(tmp_path / "from" / "deep" / "er", c="3")
    made = transfer.mirror(source, str(tmp_path / "to"), prefix="x-")
    assert made == [f"{tmp_path}/to/{name}" for name in ("x-a", "x-b.gz", "deep/er/x-c")]
    assert os.path.samefile(made[0], tmp_path / "from" / "a")
    # again, over what is there
    assert transfer.mirror(source, str(tmp_path / "to"), prefix="x-") == made


def test_copies_where_links_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("another disk")))
    (made,) = transfer.mirror(fill(tmp_path / "from", a="1"), str(tmp_path / "to"))
    assert pathlib.Path(made).read_text() == "1"
    assert not os.path.samefile(made, tmp_path / "from" / "a")


def test_copies_between_file_systems(tmp_path, monkeypatch):
    fill(tmp_path / "bucket" / "days", a="1")
    fill(tmp_path / "bucket" / "days" / "deep", b="2")
    located = storage.located

    def seen(uri):
        """`store://` is a folder seen through a file system that is not the local one."""
        if uri.startswith("store://"):
            return fs.SubTreeFileSystem(str(tmp_path / "bucket"), fs.LocalFileSystem()), uri[len("store://") :]
        return located(uri)

    monkeypatch.setattr(storage, "located", seen)
    made = transfer.mirror("store://days", str(tmp_path / "to"), prefix="2024-")
    assert [pathlib.Path(m).read_text() for m in made] == ["1", "2"]
    assert made[1] == f"{tmp_path}/to/deep/2024-b"
    transfer.mirror(str(tmp_path / "to"), "store://back")
    assert (tmp_path / "bucket" / "back" / "deep" / "2024-b").read_text() == "2"


def test_no_folder_is_no_empty_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        transfer.mirror(str(tmp_path / "nothing"), str(tmp_path / "to"))
