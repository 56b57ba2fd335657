"""Where the database is by the settings: one file, by one name, under the lock of its own folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from allocation.adapters.data_folder import DataFolder, DataFolderInUseError
from allocation.adapters.startup_error import StartupError
from allocation.connections import database_path, open_store
from allocation.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


async def test_the_folder_that_is_locked_is_that_of_the_file_whatever_links_lead_there(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "folder"
    elsewhere.mkdir(parents=True)
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "link").symlink_to(elsewhere)
    for named, found in (("link/stock.sqlite3", elsewhere), ("link/../stock.sqlite3", elsewhere.parent)):
        settings = Settings(database_url=f"sqlite:///{tmp_path}/here/{named}")
        assert database_path(settings) == found / "stock.sqlite3"
        async with open_store(settings):
            assert (found / "stock.sqlite3").is_file()
            with pytest.raises(DataFolderInUseError), DataFolder(found):
                pass
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["link"]


def test_a_folder_behind_links_that_lead_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "here").symlink_to(tmp_path / "there")
    (tmp_path / "there").symlink_to(tmp_path / "here")
    with pytest.raises(StartupError, match=r"the folder of the database .*here/stock.sqlite3 cannot be found"):
        database_path(Settings(database_url=f"sqlite:///{tmp_path}/here/stock.sqlite3"))
