"""Walking stays inside the folder, and reading waits for nobody."""

import os

import pytest

from assay.errors import BadRecord
from assay.kit.tree import is_below, read_bounded, walk


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "root"
    for name in ("b/x.lock", "a/y.lock", "node_modules/z.lock", "a/node_modules/w.lock", "top.lock"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (tmp_path / "outside.lock").write_text("outside")
    return root


def names(root, **options):
    return [path.relative_to(root).as_posix() for path in walk(root, **options)]


def test_files_come_in_one_order_without_the_folders_that_are_skipped(folder):
    assert names(folder, skip={"node_modules"}) == ["top.lock", "a/y.lock", "b/x.lock"]
    assert len(names(folder)) == 5


def test_links_lead_to_nothing_outside(folder):
    (folder / "inside.lock").symlink_to(folder / "a" / "y.lock")
    (folder / "leaving.lock").symlink_to(folder.parent / "outside.lock")
    (folder / "dangling.lock").symlink_to(folder / "nowhere")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    found = names(folder, skip={"node_modules"})
    assert "inside.lock" in found
    assert not {"leaving.lock", "dangling.lock"} & set(found)
    assert not any(name.startswith("loop/") for name in found)


def test_a_loop_of_links_is_below_nothing(folder):
    (folder / "one").symlink_to(folder / "two")
    (folder / "two").symlink_to(folder / "one")
    assert not is_below(folder / "one", folder.resolve())


def test_a_folder_that_cannot_be_read_is_told(folder):
    told = []
    assert names(folder / "missing", on_error=told.append) == []
    assert [error.filename for error in told] == [str(folder / "missing")]


def test_a_file_is_read_up_to_its_limit(folder):
    path = folder / "top.lock"
    assert read_bounded(path, 8) == b"top.lock"
    with pytest.raises(BadRecord) as caught:
        read_bounded(path, 7)
    assert caught.value.reason == "too-large"


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadRecord) as caught:
        read_bounded(tmp_path / "pipe", 100)
    assert caught.value.reason == "not-a-file"
