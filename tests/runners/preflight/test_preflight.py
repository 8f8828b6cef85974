"""What is looked at before a sweep starts: refused with all the reasons, or told, or fine."""

import errno
import json
import os
import py_compile
import resource
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from patience import PATIENCE

from adaloss.grid.sweep import load_sweep
from adaloss.records.places import Places
from adaloss.records.store import Store
from adaloss.records.writing import replacing
from adaloss.tasks.images.data.published import VISION_DATASETS
from adaloss.tasks.images.data_sets import IMAGE_SETS
from adaloss.tasks.text.fields import TextTrial
from runners.preflight import disk_needs, servers
from runners.preflight.checks import (
    PreflightError,
    doctors_findings,
    machine_findings,
    preflight,
    sweep_findings,
)
from runners.preflight.finding import Level, with_level
from runners.preflight.inputs import data_sets, hub_cache, models
from runners.preflight.machine import (
    folders,
    gpus,
    limits,
    memory,
    path_lengths,
    ray_folder,
    software,
    space,
)
from runners.preflight.planned import Planned
from runners.preflight.wandb import account as wandb_account
from runners.preflight.wandb import server as wandb_server

FINE, WARNING, REFUSED = Level.FINE, Level.WARNING, Level.REFUSED


@pytest.fixture(autouse=True)
def a_machine_of_its_own(monkeypatch, tmp_path):
    """No cluster, GPU mask, cache or proxy of whoever runs the tests."""
    for name in ("RAY_ADDRESS", "CUDA_VISIBLE_DEVICES", "ADALOSS_DATA", "HF_HUB_CACHE", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("RAY_TMPDIR", "/tmp")


@pytest.fixture
def planned(grid, tmp_path):
    """The small grid, changed as asked, about to start."""

    def plan(*changes, extra="", mode="disabled", storage=tmp_path / "results"):
        text = grid.read_text() + extra
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        grid.write_text(text)
        sweep = load_sweep(grid)
        store = Store(storage / sweep.name)
        return Planned(sweep=sweep, trials=sweep.trials, store=store, mode=mode)

    return plan


@contextmanager
def mounted(folder, options):
    """A small file system of its own in memory."""
    if os.getuid() != 0:
        pytest.skip("only root can mount a file system")
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True
    )
    if made.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {made.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def about(findings, subject):
    return [finding for finding in findings if finding.about == subject]


# All together


def test_a_sweep_that_can_work_is_started_without_a_word(planned):
    printed = []
    preflight(planned(), printed.append)
    assert printed == []


def test_a_sweep_is_refused_with_all_reasons_at_once(planned, tmp_path):
    (tmp_path / "results").write_text("a file")
    impossible = planned(
        ("dataset: digits", "dataset: imagefolder:pets\n  image_size: 8\n  pretrained: gone.pth"),
        extra="resources: {cpu: 4096, gpu: 64}\n",
    )
    with pytest.raises(PreflightError) as refusal:
        preflight(impossible, print)
    message = str(refusal.value)
    for reason in (
        "nothing was started",
        "resources.cpu is 4096",
        "a trial asks for 64, and this machine has",
        f"results: {tmp_path / 'results' / 'small'} cannot be used: creating a folder failed",
        f"imagefolder:pets: there is no folder {tmp_path / 'pets'}",
        f"gone.pth is missing: there is no file {tmp_path / 'gone.pth'}",
    ):
        assert reason in message
    assert (tmp_path / "results").read_text() == "a file"


def test_a_warning_is_said_and_the_sweep_goes_on(planned, monkeypatch):
    monkeypatch.setattr("runners.preflight.checks.available_memory", lambda: 700_000_000)
    printed = []
    preflight(planned(), printed.append)
    (line,) = printed
    assert line.startswith("warning: memory: ")
    assert "700.0 MB are free" in line


def test_nothing_heavy_is_imported_and_no_time_is_lost():
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from adaloss.records.store import Store\n"
        "from adaloss.grid.sweep import load_sweep, resolve_grid\n"
        "from runners.preflight.planned import Planned\n"
        "from runners.preflight.checks import sweep_findings\n"
        "sweep = load_sweep(resolve_grid('paper'))\n"
        "planned = Planned(sweep=sweep, trials=sweep.trials, store=Store(Path('nowhere')),"
        " mode='auto')\n"
        "print(len(list(sweep_findings(planned))))\n"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    message = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    count, names = message.stdout.splitlines()
    assert int(count) > 10
    assert not {"torch", "ray", "wandb", "timm", "huggingface_hub", "pandas"} & set(names.split())
    assert not Path("nowhere").exists()


# Folders


def test_a_folder_that_is_missing_is_fine_and_stays_missing(tmp_path):
    finding = folders.writing("results", tmp_path / "a" / "b")
    assert finding.level is FINE
    assert "which is created when it is needed" in finding.found
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_as_it_was(tmp_path):
    (tmp_path / "result.json").write_text("mine")
    assert folders.writing("results", tmp_path, ("trials",)).level is FINE
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]
    assert (tmp_path / "result.json").read_text() == "mine"


def test_a_read_only_file_system_is_refused_with_its_path(tmp_path):
    with mounted(tmp_path / "disk", "ro") as disk:
        finding = folders.writing("results", disk / "sweep")
    assert finding.level is REFUSED
    assert f"{disk / 'sweep'} cannot be used" in finding.found
    assert "read-only" in finding.found


@pytest.fixture
def nobody():
    """Not root, whom no permission stops."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield
    os.seteuid(before)


def test_a_folder_without_permission_is_refused(tmp_path, request):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    request.getfixturevalue("nobody")
    for folder in (locked, locked / "sweep" / "deeper"):
        finding = folders.writing("results", folder)
        assert finding.level is REFUSED
        assert "creating a folder failed (this user may not write there)" in finding.found


def test_a_full_file_system_is_refused(tmp_path):
    with mounted(tmp_path / "disk", "size=64k") as disk:
        (disk / "all of it").write_bytes(bytes(64 * 1024))
        finding = folders.writing("results", disk)
        left = [path.name for path in disk.iterdir()]
    assert finding.level is REFUSED
    assert "the disk is full" in finding.found
    assert left == ["all of it"]


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "file").touch()
    assert (
        "a part of the path is a file" in folders.writing("results", tmp_path / "file" / "x").found
    )


def test_a_file_system_that_cannot_rename_is_refused(tmp_path, monkeypatch):
    def no_rename(*_):
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(Path, "replace", no_rename)
    finding = folders.writing("results", tmp_path)
    assert finding.level is REFUSED
    assert "renaming a file failed (the file system does not support it)" in finding.found
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_that_loses_what_is_renamed_is_refused(tmp_path, monkeypatch):
    keep = Path.replace
    monkeypatch.setattr(
        Path, "replace", lambda self, target: None if target.exists() else keep(self, target)
    )
    assert folders.writing("results", tmp_path).level is REFUSED


def test_records_of_another_user_are_refused_where_they_lie(planned, tmp_path):
    about_to_start = planned()
    about_to_start.store.root.mkdir(parents=True)
    with mounted(about_to_start.store.trials_folder, "ro"):
        refusals = with_level(sweep_findings(about_to_start), REFUSED)
    assert [finding.about for finding in refusals] == ["results"]
    assert str(about_to_start.store.trials_folder) in refusals[0].found


# Room


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


# Names


def test_a_path_that_is_too_long_is_refused_with_its_length(tmp_path):
    deep = tmp_path.joinpath(*["d" * 200] * 20)
    finding = path_lengths.path_lengths(deep / "trial")
    assert finding.level is REFUSED
    assert "a path may have 4,096" in finding.found


def test_the_temporary_name_counts(tmp_path):
    room = path_lengths.longest_record(tmp_path)
    length = len(os.fsencode(room)) + 1
    assert path_lengths.compared(room, 255, length).level is FINE
    assert path_lengths.compared(room, 255, length - 1).level is REFUSED


def test_a_temporary_name_is_no_longer_than_is_reckoned(tmp_path):
    reckoned = path_lengths.longest_record(tmp_path).name
    with replacing(tmp_path / "checkpoint.pt", durable=False) as temporary:
        temporary.touch()
        process = len(str(os.getpid()))
        assert len(temporary.name) - process == len(reckoned) - len("4194304")


def test_a_name_is_measured_in_bytes(tmp_path):
    finding = path_lengths.path_lengths(tmp_path / ("ä" * 130))
    assert finding.level is REFUSED
    assert "has 260 bytes, and a name may have 255" in finding.found


def test_the_name_with_the_most_bytes_counts_not_that_with_the_most_letters(tmp_path):
    finding = path_lengths.path_lengths(tmp_path / ("a" * 140) / ("ä" * 130))
    assert "has 260 bytes" in finding.found


def test_the_very_names_are_tried_on_the_file_system(tmp_path):
    finding = folders.writing("results", tmp_path, ("trials", "x" * 300))
    assert finding.level is REFUSED
    assert "a name is too long for the file system" in finding.found
    assert folders.writing("results", tmp_path / ("x" * 300)).level is REFUSED


def test_a_storage_with_a_long_name_is_refused_once(planned, tmp_path):
    refusals = with_level(sweep_findings(planned(storage=tmp_path / ("x" * 300))), REFUSED)
    assert [finding.about for finding in refusals] == ["names"]


def test_rays_sockets_need_a_short_folder(monkeypatch, tmp_path):
    assert ray_folder.sockets().level is FINE
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / ("x" * 60)))
    finding = ray_folder.sockets()
    assert finding.level is REFUSED
    assert "the limit for sockets is 107" in finding.found
    with socket.socket(socket.AF_UNIX) as probe, pytest.raises(OSError, match="too long"):
        probe.bind(str(ray_folder.ray_folder() / ray_folder.SOCKET))


# GPUs

DRIVER = """
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned int *count) { *count = 4; return 0; }
int nvmlShutdown(void) { return 0; }
"""


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    """A library that answers as NVIDIA's driver does on a machine with four GPUs."""
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler to make a driver's double with")
    folder = tmp_path_factory.mktemp("driver")
    (folder / "driver.c").write_text(DRIVER)
    library = folder / "libdouble.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-o", str(library), str(folder / "driver.c")], check=True
    )
    return str(library)


@pytest.mark.parametrize(
    ("visible", "count"), [(None, 4), ("0,2", 2), ("", 0), ("-1", 0), ("0,1,2,3,4,5", 4)]
)
def test_gpus_are_counted_as_ray_counts_them(driver, monkeypatch, visible, count):
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus.visible_gpus(driver) == count


def test_without_a_driver_there_are_no_gpus():
    assert gpus.visible_gpus("libthereisnone.so.1") == 0


@pytest.mark.parametrize(
    ("wanted", "there", "level"),
    [("auto", 0, FINE), (0.0, 0, FINE), (0.5, 0, REFUSED), (2.0, 1, REFUSED), (2.0, 2, FINE)],
)
def test_a_gpu_that_does_not_exist_is_refused(wanted, there, level, monkeypatch):
    monkeypatch.setattr(gpus, "AMD_DEVICE", Path("/nowhere"))
    monkeypatch.setattr(gpus, "version", lambda _: "2.15.0")
    finding = gpus.gpu_request(wanted, there)
    assert finding.level is level
    if level is REFUSED:
        assert f"a trial asks for {wanted:g}, and this machine has {there}" in finding.found


def test_a_cluster_counts_its_own_gpus(monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    finding = gpus.gpu_request(8.0, 0)
    assert (finding.level, "Ray counts" in finding.found) == (FINE, True)


def test_a_torch_for_processors_cannot_use_a_gpu(monkeypatch):
    monkeypatch.setattr(gpus, "version", lambda _: "2.15.0+cpu")
    assert gpus.gpu_request("auto", 1).level is REFUSED
    assert gpus.gpu_request(0.0, 1).level is FINE
    assert gpus.gpu_request("auto", 0).level is FINE


# The machine's limits


@pytest.mark.parametrize(("available", "level"), [(2_000_000_000, FINE), (1_600_000_000, WARNING)])
def test_memory_is_a_warning_with_its_numbers(available, level):
    finding = memory.memory(2, available)
    assert finding.level is level
    assert "2 workers and Ray take about 1.65 GB" in finding.found


def test_the_advice_on_memory_is_what_fits():
    assert "max_concurrent: 3" in memory.memory(8, 650_000_000 + 3 * 500_000_000).advice


def test_a_containers_limit_counts_where_it_is_less(tmp_path, monkeypatch):
    most, used = tmp_path / "max", tmp_path / "current"
    most.write_text("1500000000\n")
    used.write_text("500000000\n")
    monkeypatch.setattr(memory, "CONTROL_GROUPS", ((most, used),))
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 9000000 kB\nMemAvailable: 8000000 kB\n")
    monkeypatch.setattr(memory, "MEMINFO", meminfo)
    assert memory.available_memory() == 1_000_000_000
    most.write_text("max\n")
    assert memory.available_memory() == 8_000_000 * 1024


def test_a_containers_time_counts(tmp_path):
    quota = tmp_path / "cpu.max"
    quota.write_text("200000 100000\n")
    finding = limits.compared_with_quota("", 64, 1, quota)
    assert finding.level is WARNING
    assert "max_concurrent: 2" in finding.advice
    assert limits.compared_with_quota("", 2, 1, quota).level is FINE
    assert limits.compared_with_quota("", 1, 2, quota).level is FINE
    # Who follows the advice is not warned again.
    assert "max_concurrent: 1" in limits.compared_with_quota("", 16, 2, quota).advice
    assert "resources: {cpu: 2}" in limits.compared_with_quota("", 16, 4, quota).advice
    quota.write_text("50000 100000\n")
    assert limits.compared_with_quota("", 1, 1, quota).level is FINE
    quota.write_text("max 100000\n")
    assert limits.compared_with_quota("", 64, 1, quota).level is FINE


@pytest.mark.parametrize(
    ("limit", "subject", "command"),
    [("RLIMIT_NOFILE", "open files", "ulimit -n"), ("RLIMIT_NPROC", "processes", "ulimit -u")],
)
def test_a_low_limit_is_a_warning(limit, subject, command):
    code = (
        "import resource\n"
        "from runners.preflight.machine.limits import limits\n"
        f"resource.setrlimit(resource.{limit}, (200, 200))\n"
        "for finding in limits(4): print(finding.level, finding.sentence)"
    )
    message = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    (line,) = (line for line in message.stdout.splitlines() if subject in line)
    assert line.startswith("warning")
    assert "200 allowed" in line
    assert command in line


def test_a_limit_that_ray_may_raise_is_none():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
    try:
        (files, _) = limits.limits(1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert files.level is FINE or hard < 300


# Data and models


def test_the_servers_of_images_are_those_of_torchvision():
    from torchvision import datasets

    assert {name: about.server for name, about in VISION_DATASETS.items()} == {
        "mnist": next(url for url in datasets.MNIST.mirrors if "ossci" in url),
        "fashion_mnist": datasets.FashionMNIST.mirrors[0],
        "cifar10": datasets.CIFAR10.url,
        "cifar100": datasets.CIFAR100.url,
    }


def found_of(name, root):
    return data_sets.data_set(name, IMAGE_SETS, Places(data_root=root))


def test_a_data_set_is_told_where_it_is_or_that_it_comes(tmp_path):
    assert "is downloaded" in found_of("cifar100", tmp_path).found
    folder = tmp_path / "cifar-100-python"
    folder.mkdir()
    for name in ("train", "test"):
        (folder / name).touch()
    assert "is downloaded" in found_of("cifar100", tmp_path).found
    (folder / "meta").touch()
    assert found_of("cifar100", tmp_path).found == f"cifar100 is in {tmp_path}"


def test_an_image_folder_needs_classes(tmp_path):
    assert found_of("imagefolder:pets", tmp_path).level is REFUSED
    (tmp_path / "pets" / "train" / "cat").mkdir(parents=True)
    only_one = found_of("imagefolder:pets", tmp_path)
    assert (only_one.level, "has 1 class folders" in only_one.found) == (REFUSED, True)
    (tmp_path / "pets" / "train" / "dog").mkdir()
    assert found_of("imagefolder:pets", tmp_path).level is FINE


TIMM_MODEL = "vit_small_patch16_224.augreg_in21k_ft_in1k"


def put_in_cache(model):
    snapshot = hub_cache.hub_cache() / f"models--timm--{model}" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (snapshot / "model.safetensors").write_bytes(bytes(5))
    return snapshot / "model.safetensors"


@pytest.mark.parametrize("variable", ["HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"])
def test_the_hubs_cache_is_where_its_library_says(variable, tmp_path):
    # The library reads the environment when it is imported.
    code = (
        "from huggingface_hub.constants import HF_HUB_CACHE\n"
        "from runners.preflight.inputs.hub_cache import hub_cache\n"
        "print(HF_HUB_CACHE, hub_cache())"
    )
    environment = os.environ | {variable: str(tmp_path / "there")}
    message = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    theirs, ours = message.stdout.split()
    assert ours == theirs
    assert "there" in ours


def test_published_weights_are_found_where_timm_would_look(tmp_path, monkeypatch):
    (finding,) = models.model_findings(TIMM_MODEL, True, Places(data_root=tmp_path))
    assert "are downloaded before the first trial" in finding.found
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (finding,) = models.model_findings(TIMM_MODEL, True, Places(data_root=tmp_path))
    assert finding.level is WARNING
    file = put_in_cache(TIMM_MODEL)
    (finding,) = models.model_findings(TIMM_MODEL, True, Places(data_root=tmp_path))
    assert (finding.level, finding.found) == (FINE, f"the weights of {TIMM_MODEL} are {file}")


def test_another_models_weights_are_not_taken_for_these():
    put_in_cache("vit_small_patch16_224_extra.some_tag")
    assert hub_cache.cached_weights("vit_small_patch16_224") is None
    file = put_in_cache("vit_small_patch16_224.some_tag")
    assert hub_cache.cached_weights("vit_small_patch16_224") == file


@pytest.mark.parametrize(
    ("model", "pretrained", "message"),
    [
        ("mlp", True, "no weights are published for mlp"),
        ("mlp", "gone.pth", "is missing"),
        ("mlp", "weights.npz", ".npz files are for models of timm"),
        ("nothing_of_mine:build", False, "there is no module nothing_of_mine"),
    ],
)
def test_what_cannot_be_started_from_is_refused(model, pretrained, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("weights.npz").touch()
    (finding,) = models.model_findings(model, pretrained, Places(data_root=tmp_path))
    assert finding.level is REFUSED
    assert message in finding.found


def test_the_users_model_is_found_and_not_imported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine_of_the_test.py").write_text("raise SystemExit")
    (finding,) = models.model_findings("mine_of_the_test:build", False, Places(data_root=tmp_path))
    assert finding.level is FINE
    (finding,) = models.model_findings("json:loads", False, Places(data_root=tmp_path))
    assert finding.level is FINE


def test_damaged_weights_are_refused(tmp_path):
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "resnet20-12fca82f.th").write_bytes(b"not the weights")
    (finding,) = models.model_findings("cifar_resnet20", True, Places(data_root=tmp_path))
    assert finding.level is REFUSED
    assert "is corrupt" in finding.found


# The network


@pytest.fixture
def silent():
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def closed():
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return f"http://127.0.0.1:{port}"


@pytest.mark.slow
def test_silent_servers_are_waited_for_together_and_not_long(silent, server):
    questions = [servers.Question(what=f"{number}", url=silent) for number in range(40)]
    started = time.monotonic()
    given = servers.answers([*questions, servers.Question(what="it", url=server.url, body=b"")], 2)
    # One after the other they would take 80 s.
    assert time.monotonic() - started < 60
    assert [answer.status for answer in given] == [None] * 40 + [200]
    assert given[0].why


def test_a_name_that_is_looked_up_for_ever_is_no_longer_waited_for(monkeypatch):
    go_on, ended = threading.Event(), threading.Event()

    def look_up(*_, **__):
        go_on.wait(PATIENCE)
        ended.set()
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    (given,) = servers.answers([servers.Question(what="it", url="http://example.org")], 0.3)
    assert not ended.is_set()
    assert (given.status, given.why) == (None, "no answer within 0.3 s")
    go_on.set()
    assert ended.wait(PATIENCE)


def test_what_cannot_be_fetched_now_is_told_with_what_it_was_for(closed, server):
    first, second = servers.reachable(
        [
            servers.Question(what="cifar10", url=closed),
            servers.Question(what="cifar100", url=closed),
            servers.Question(what="weights", url=server.url),
        ]
    )
    assert first.level is WARNING
    assert f"{closed} does not answer (Connection refused)" in first.found
    assert "cifar10, cifar100" in first.found
    assert second.level is FINE


def test_the_doctor_asks_for_what_is_missing_alone(planned, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr("runners.preflight.checks.reachable", lambda them: asked.extend(them) or [])
    wanted = planned(
        ("model: mlp", f"model: [mlp, {TIMM_MODEL}]\n  image_size: 32"),
        ("dataset: digits", "dataset: [digits, cifar100]"),
        extra=f"overrides: [{{match: {{model: {TIMM_MODEL}}}, set: {{pretrained: true}}}}]\n"
        f"data: {{root: {tmp_path}}}\n",
    )
    list(doctors_findings(wanted))
    assert [question.what for question in asked] == ["cifar100", f"weights of {TIMM_MODEL}"]
    put_in_cache(TIMM_MODEL)
    (tmp_path / "cifar-100-python.tar.gz").touch()
    asked.clear()
    list(doctors_findings(wanted))
    assert asked == []


# W&B


@pytest.mark.parametrize(("mode", "message"), [("disabled", "disabled"), ("offline", "offline")])
def test_without_wandb_no_server_is_asked(mode, message, server):
    finding = wandb_server.wandb(mode)
    assert finding.level is FINE
    assert message in finding.found
    assert server.requests == []


def test_a_login_to_a_server_that_answers_is_fine(server, key):
    finding = wandb_server.wandb("auto")
    assert finding.level is FINE
    assert f"online: {server.url} answers" in finding.found
    assert key not in finding.sentence
    (sent,) = server.authorized
    assert sent.startswith("Basic ")


def test_a_server_that_never_answers_is_a_warning_in_time(silent, monkeypatch, key):
    monkeypatch.setenv("WANDB_BASE_URL", silent)
    monkeypatch.setenv("WANDB_API_KEY", key)
    started = time.monotonic()
    finding = wandb_server.wandb("online", 0.3)
    assert time.monotonic() - started < 60
    assert finding.level is WARNING
    assert f"{silent} does not answer" in finding.found
    assert "`adaloss-sweep sync` uploads them later" in finding.advice


@pytest.mark.parametrize(
    ("fault", "message"), [(401, "does not accept the login"), (500, "fails (status 500)")]
)
def test_a_server_that_refuses_is_a_warning(server, fault, message, key):
    server.fault = fault
    finding = wandb_server.wandb("auto")
    assert finding.level is WARNING
    assert message in finding.found
    assert key not in finding.sentence


def test_a_server_that_knows_nobody_refuses():
    login = wandb_account.Account(server="https://it", key="k", has_login=True)
    body = b'{"data": {"viewer": null}}'
    assert wandb_server.with_login(login, servers.Answer(status=200, body=body)).level is WARNING
    body = b'{"data": {"viewer": {"id": "x"}}}'
    assert wandb_server.with_login(login, servers.Answer(status=200, body=body)).level is FINE


def test_a_key_is_shown_nowhere(key):
    login = wandb_account.Account(server="https://it", key=key, has_login=True)
    assert key not in repr(login)
    assert "Basic" not in repr(wandb_server.question(login))


def test_a_wrong_address_is_a_warning(monkeypatch, key):
    monkeypatch.setenv("WANDB_BASE_URL", "nonsense")
    monkeypatch.setenv("WANDB_API_KEY", key)
    assert wandb_server.wandb("auto").level is WARNING


def test_online_without_a_login_is_a_warning(monkeypatch):
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    assert wandb_server.wandb("auto").level is FINE
    finding = wandb_server.wandb("online")
    assert finding.level is WARNING
    assert "no login for http://127.0.0.1:9" in finding.found


KEYS = {
    "nothing": {},
    "a variable": {"variables": {"WANDB_API_KEY": "KEY"}},
    "netrc": {"netrc": "machine HOST login user password KEY"},
    "netrc of another server": {"netrc": "machine example.org login user password KEY"},
    "netrc, quoted, among others": {
        "netrc": "machine a login b password c\nmachine 'HOST'\n login user\n password 'KEY'\n"
    },
    "a damaged netrc": {"netrc": "machine HOST login 'user"},
    "the settings": {"settings": "[default]\napi_key = KEY\n"},
    "a server in the settings": {
        "settings": "[default]\nbase_url = http://127.0.0.1:9\n",
        "netrc": "machine 127.0.0.1:9 login user password KEY",
        "variables": {"WANDB_BASE_URL": None},
    },
    "wandb's own server": {
        "netrc": "machine api.wandb.ai login user password KEY",
        "variables": {"WANDB_BASE_URL": None},
    },
}


WANDBS_OWN = """
import json, os, sys
import wandb
from wandb.sdk.lib import wbauth
for line in sys.stdin:
    # The library remembers what it has found: each question is for a process of its own.
    if os.fork() == 0:
        task = json.loads(line)
        os.environ.clear()
        os.environ.update(task["environment"])
        os.chdir(task["folder"])
        url = str(wandb.setup().settings.base_url)
        found = wbauth.authenticate_session(host=url, source="", prompt=False)
        print(json.dumps([url, found is not None]), flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def wandbs_own_process():
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", WANDBS_OWN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield process
        process.stdin.close()


@pytest.fixture
def wandbs_own_login(wandbs_own_process):
    """What the library itself finds here and now: the server, and whether there is a login."""

    def ask_the_library():
        task = {"environment": dict(os.environ), "folder": str(Path.cwd())}
        wandbs_own_process.stdin.write(json.dumps(task) + "\n")
        wandbs_own_process.stdin.flush()
        return tuple(json.loads(wandbs_own_process.stdout.readline()))

    return ask_the_library


@pytest.mark.parametrize("situation", KEYS)
def test_the_login_is_that_which_wandb_would_use(
    situation, tmp_path, monkeypatch, key, wandbs_own_login
):
    kept = KEYS[situation]
    host = "127.0.0.1:8"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_BASE_URL", f"http://{host}")
    for name, value in kept.get("variables", {}).items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value.replace("KEY", key))
    folder = Path(os.environ["WANDB_CONFIG_DIR"])
    folder.mkdir(parents=True)
    (folder / "settings").write_text(kept.get("settings", "").replace("KEY", key))
    if "netrc" in kept:
        netrc = kept["netrc"].replace("KEY", key).replace("HOST", host)
        Path(os.environ["NETRC"]).write_text(netrc)
    server, known = wandbs_own_login()
    ours = wandb_account.account()
    assert (ours.server, ours.has_login) == (server, known)
    assert ours.key == (key if ours.has_login else None)


# The rest of the machine


def test_a_clock_that_was_never_set_is_told():
    assert software.clock(datetime(1970, 1, 1, tzinfo=UTC)).level is WARNING
    assert "1970-01-01" in software.clock(datetime(1970, 1, 1, tzinfo=UTC)).found
    assert software.clock(datetime(2026, 1, 1, tzinfo=UTC)).level is FINE


def test_packages_that_are_missing_or_old_are_refused():
    message = list(
        software.packages(["numpy>=99.1", "no-such-thing>=1", "typer>=0.16", 'x>=1; extra == "y"'])
    )
    assert [finding.level for finding in message] == [FINE, REFUSED, REFUSED]
    assert "is older than 99.1" in message[1].found
    assert "no-such-thing is not installed" in message[2].found


def test_what_is_installed_here_is_new_enough():
    assert [finding.level for finding in software.packages()] == [FINE]


def test_versions_are_compared_as_numbers():
    assert software.numbers("2.15.0+cpu") > software.numbers("2.9")
    assert software.numbers("1.0rc1") == (1, 0)


def test_a_torch_that_each_worker_compiles_anew_is_noticed(tmp_path, monkeypatch):
    (tmp_path / "__init__.py").write_text("")
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    (finding,) = software.bytecode(tmp_path)
    assert finding.level is WARNING
    assert finding.advice == "unset PYTHONDONTWRITEBYTECODE"
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    assert list(software.bytecode(tmp_path)) == []
    monkeypatch.setattr("os.access", lambda path, mode: False)
    (finding,) = software.bytecode(tmp_path)
    assert "-m compileall" in finding.advice
    py_compile.compile(tmp_path / "__init__.py")
    assert list(software.bytecode(tmp_path)) == []


def test_a_clusters_machine_is_not_this_one(planned, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    findings = list(sweep_findings(planned(extra="resources: {cpu: 4096, gpu: 64}\n")))
    assert with_level(findings, REFUSED) == ()
    assert about(findings, "memory") == []
    assert "10.0.0.1:6379" in about(machine_findings(Path("results"), "disabled"), "Ray")[0].found


# The command


@pytest.fixture
def doctor():
    """``adaloss-sweep doctor`` in this process: exit status and output."""
    import typer
    from typer.testing import CliRunner

    from runners.cli.doctor import doctor as command

    app = typer.Typer()
    app.command()(command)

    def run(*arguments):
        finished = CliRunner().invoke(app, [str(argument) for argument in arguments])
        return finished.exit_code, finished.output

    return run


def test_the_doctor_looks_at_the_machine_alone(doctor, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, message = doctor("--wandb", "disabled")
    assert status == 0, message
    for subject in ("GPUs", "memory", "open files", "results", "clock", "W&B", "packages", "Ray"):
        assert f" {subject}: " in message
    assert "names: " not in message
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_looks_at_a_grid(doctor, grid, tmp_path):
    status, message = doctor(
        grid, "--storage", tmp_path / "results", "--wandb", "disabled", "--json"
    )
    assert status == 0, message
    record = json.loads(message)
    assert (record["refused"], record["warnings"]) == (0, 0)
    assert {"processors", "names", "data"} < {finding["about"] for finding in record["findings"]}
    assert not (tmp_path / "results").exists()


def test_the_doctor_refuses_with_status_2(doctor, grid, tmp_path):
    grid.write_text(grid.read_text() + "resources: {gpu: 64}\n")
    status, message = doctor(grid, "--storage", tmp_path / ("x" * 300), "--wandb", "disabled")
    assert status == 2
    assert "a trial asks for 64" in message
    assert "a name may have 255" in message
    assert "2 refused" in message


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
