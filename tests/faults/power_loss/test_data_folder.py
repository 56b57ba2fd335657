"""What is done around the service's files has to be synced as well."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from allocation.adapters.data_folder import DataFolder
from tests.faults.power_loss.forgetful_disk import ForgetfulDisk
from tests.faults.power_loss.prerequisites import need_forgetful_disk
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path


def test_a_new_data_folder_is_still_there_after_a_power_failure(tmp_path: Path) -> None:
    need_forgetful_disk()
    with ForgetfulDisk(tmp_path / "mount", tmp_path / "platter", strict_names=True) as disk:
        disk.plug_in()
        with DataFolder(disk.mount / "srv" / "allocation-data") as folder:
            for path, flags in ((folder.path / "database", os.O_CREAT | os.O_WRONLY), (folder.path, os.O_RDONLY)):
                descriptor = os.open(path, flags)
                os.fsync(descriptor)
                os.close(descriptor)
            disk.fail()
            wait_until(lambda: disk.has_failed)
            disk.unplug()

        assert (disk.platter / "srv" / "allocation-data" / "database").exists()
