"""Files that do not fit on a disk are told before a run."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from findings_of_checks import FINE, REFUSED, WARNING, mounted

from adaloss.tasks.text.fields import TextTrial
from runners.preflight import disk_needs
from runners.preflight.checks import sweep_findings
from runners.preflight.finding import with_level
from runners.preflight.machine import space

pytestmark = pytest.mark.usefixtures("a_machine_of_its_own")


def need(folder, size, **about):
    return space.Need(what="records", folder=folder, size=size, **about)


def test_room_that_is_not_there_is_refused_with_both_numbers(tmp_path):
    with mounted(tmp_path / "disk", "size=8m") as disk:
        (fits,) = space.space([need(disk / "sweep", 4_000_000)])
        (does_not,) = space.space([need(disk / "a", 6_000_000), need(disk / "b", 6_000_000)])
    assert fits.level is FINE
    assert does_not.level is REFUSED
    assert "records 6.0 MB, records 6.0 MB; 8.4 MB free" in does_not.found


def test_what_is_only_assumed_is_a_warning(tmp_path):
    with mounted(tmp_path / "disk", "size=8m") as disk:
        (finding,) = space.space([need(disk, 1_000_000), need(disk, 9_000_000, assumed=True)])
    assert finding.level is WARNING
    assert "perhaps 9.0 MB" in finding.found


def test_so_many_files_must_fit_as_well(tmp_path):
    with mounted(tmp_path / "disk", "size=8m,nr_inodes=50") as disk:
        (finding,) = space.space([need(disk, 1_000, files=60)])
    assert finding.level is REFUSED
    assert "no room for 60 files: 49 are left" in finding.found


def test_each_file_system_has_its_own_room(tmp_path):
    with mounted(tmp_path / "disk", "size=1m") as disk:
        levels = {
            finding.level
            for finding in space.space([need(tmp_path, 2_000_000), need(disk, 2_000_000)])
        }
    assert levels == {FINE, REFUSED}


def test_a_sweep_that_does_not_fit_is_refused(planned, tmp_path):
    with mounted(tmp_path / "disk", "size=100k") as disk:
        refusals = with_level(sweep_findings(planned(storage=disk)), REFUSED)
    assert [finding.about for finding in refusals] == ["disk"]
    assert "no room: records 0.1 MB" in refusals[0].found


def test_all_kept_checkpoints_need_room(planned):
    from runners.preflight.disk_needs import checkpoints

    two_at_a_time = planned(extra="execution: {max_concurrent: 2}\n")
    some = checkpoints(two_at_a_time).size
    every = checkpoints(planned(("max_concurrent: 2", "max_concurrent: 2, keep_checkpoints: true")))
    assert every.size > some
    assert every.size >= 8 * 2_000_000


def test_data_that_is_missing_needs_room_until_it_is_there(planned, tmp_path):
    from runners.preflight.disk_needs import data

    absent = planned(
        ("dataset: digits", "dataset: cifar10"), extra=f"data: {{root: {tmp_path / 'data'}}}\n"
    )
    assert [(n.what, n.size) for n in data(absent)] == [
        ("cifar10's files", 357_000_000),
        ("cifar10 as tensors", 185_000_000),
    ]
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cifar-10-python.tar.gz").touch()
    prepared = tmp_path / "cache" / "adaloss-sweep" / "prepared"
    prepared.mkdir(parents=True)
    (prepared / "cifar10-0.safetensors").touch()
    assert list(data(absent)) == []


def test_the_checkpoints_of_texts_have_the_size_of_their_vocabulary():
    def size(vocabulary):
        trial = TextTrial(
            task="text_classification",
            optimizer="adam",
            seed=0,
            lr=1,
            epochs=1,
            batch_size=8,
            vocabulary=vocabulary,
        )
        execution = SimpleNamespace(keep_checkpoints=False)
        sweep = SimpleNamespace(grid=SimpleNamespace(execution=execution))
        store = SimpleNamespace(root=Path("results"))
        return disk_needs.checkpoints(
            SimpleNamespace(trials=(trial,), sweep=sweep, workers=1, store=store)
        ).size

    # Two checkpoints at a time, of a weight and two averages for each number of a word's vector.
    assert size(10**6) - size(10**6 - 1000) == 2 * 3 * 4 * 64 * 1000
