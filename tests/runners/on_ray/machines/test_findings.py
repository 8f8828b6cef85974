"""What speaks against a sweep on the machines of a cluster, and what a user is told of them."""

import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray")
from adaloss.records.places import Places
from runners.on_ray import session
from runners.on_ray.machines import facts as one_machine
from runners.on_ray.machines.facts import look
from runners.on_ray.machines.findings import (
    MachinesError,
    check,
    findings,
    idle,
    listed,
    smallest_gpu,
    ways,
)
from runners.on_ray.machines.look import Machine
from runners.preflight.finding import Level
from runners.trials.machine import WorkerSettings


@pytest.fixture(scope="module")
def here():
    return look("", (), (), ())


def settings(cpus=1, gpus=None, **others):
    """The settings of a sweep's workers."""
    return WorkerSettings(
        places=Places(data_root=Path("/data")),
        cpus=cpus,
        gpus=gpus,
        workers=1,
        retries=2,
        max_failed=None,
        timeout=None,
        checkpoint_interval=60.0,
        keep_checkpoints=False,
        **others,
    )


def machine(facts, **other):
    known = {"name": "gpu2", "address": "192.0.2.2", "resources": {"CPU": 8.0}}
    return Machine(**(known | {"facts": facts} | other))


def against(machines, here):
    """The sentences of all findings but the rows."""
    return [found.sentence for found in findings(machines, here) if found.level is not Level.FINE]


def test_this_machine_has_what_it_has(here, tmp_path):
    mark = tmp_path / "mark"
    mark.touch()
    (tmp_path / "mine.py").touch()
    facts = look(str(mark), ["/not/here", "/"], ["mine.py"], [str(tmp_path)])
    assert facts["sees_results"]
    assert facts["sees_code"]
    assert facts["absent"] == ["/not/here"]
    assert facts["code"] == here["code"] is not None
    assert facts["packages"]["torch"]
    assert not here["sees_results"]
    assert not look("", (), ["mine.py"], ["/not/here"])["sees_code"]


def test_a_machine_like_this_one_has_one_row(here):
    (row,) = findings([machine(here)], here)
    assert row.level is Level.FINE
    assert re.search(r"^192.0.2.2, Python 3\.\d+.*, torch \d.*, 8 CPUs for Ray, ", row.found)
    assert "sends its records to this machine" in row.found


def packages(here, **others):
    return here | {"packages": here["packages"] | others}


def test_another_torch_is_refused_and_another_build_of_it_is_not(here):
    ours = here["packages"]["torch"].partition("+")[0]
    assert against([machine(packages(here, torch=f"{ours}+cu999"))], here) == []
    (sentence,) = against([machine(packages(here, torch="1.0.0"))], here)
    assert sentence.startswith("gpu2: it has torch 1.0.0, and this machine ")
    with pytest.raises(MachinesError, match=r"nothing was started:\n  gpu2: it has torch 1\.0\.0"):
        check([machine(packages(here, torch="1.0.0"))], settings())


def test_another_timm_is_named(here):
    assert check([machine(packages(here, timm="0.1") | {"sees_results": True})], settings()) == [
        f"gpu2: it has timm 0.1, and this machine {here['packages']['timm']}: numbers may differ "
        "between them"
    ]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"code": None, "program": "/bin/python"}, "not installed for /bin/python: install it"),
        ({"code": "other"}, "not the one of this machine: install the same"),
        ({"absent": ["/data/cats", "/w.pt"]}, "does not have /data/cats, /w.pt: copy or mount"),
    ],
)
def test_what_would_fail_there_is_refused(here, changed, words):
    with pytest.raises(MachinesError, match=words):
        check([machine(here), machine(here | changed)], settings())


def test_a_machine_that_does_not_answer_is_refused(here):
    with pytest.raises(MachinesError, match=r"gpu2: it does not answer \(no module named x\)"):
        check([machine(None, why="no module named x")], settings())


@pytest.mark.parametrize(
    ("ahead", "words"), [(61.0, "at least 61 s ahead of"), (-61.0, "at least 61 s behind")]
)
def test_a_clock_that_is_wrong_is_named(here, ahead, words):
    (sentence,) = against([machine(here, ahead=ahead)], here)
    assert words in sentence
    assert against([machine(here, ahead=1.0)], here) == []


def test_little_space_is_named(here):
    (sentence,) = against([machine(here | {"free": 5 * 2**20})], here)
    assert "5 MiB are free" in sentence


def test_who_sends_records_and_who_is_sent_code_is_said(here):
    sees = here | {"sees_results": True}
    both = [machine(sees, name="gpu1"), machine(here | {"sees_code": False}, name="gpu2")]
    assert list(ways(both, "your own code (1 file, 0.1 kB)")) == [
        "trials on gpu2 send their records here, with Ray",
        "your own code (1 file, 0.1 kB) is sent to gpu2",
    ]


def test_of_many_machines_a_few_are_named():
    assert listed([f"m{n}" for n in range(7)]) == "m0, m1, m2, m3, m4 and 2 more"


def test_which_machines_run_no_trials_is_said(here):
    gpus = machine(here, name="gpu1", resources={"CPU": 8.0, "GPU": 2.0})
    plain = machine(here, name="cpu1", resources={"CPU": 2.0})
    assert list(idle([gpus, plain], settings(cpus=4))) == [
        "cpu1: fewer processors than resources.cpu, so no trials run there",
        "cpu1: no GPU, so no trials run there (resources: {gpu: 0} uses the processors of all "
        "machines instead)",
    ]
    assert list(idle([gpus, plain], settings(gpus=0.0))) == []
    assert list(idle([plain, plain], settings())) == []


def test_the_smallest_gpu_decides_how_many_trials_share_one(here):
    large = machine(here | {"gpus": ["NVIDIA H100, 81559", "NVIDIA L4, 23034"]})
    assert smallest_gpu([large, machine(here | {"gpus": []}), machine(None)]) == 23034 * 2**20
    assert smallest_gpu([machine(here | {"gpus": []})]) is None
    assert "1 × NVIDIA L4, 23034 MiB" in next(iter(findings([large], here))).found


@pytest.mark.parametrize("size", ["[N/A]", "[Unknown Error]", "[GPU requires reset]"])
def test_a_gpu_whose_memory_is_not_known_does_not_count(here, size):
    unknown = machine(here | {"gpus": [f"NVIDIA GB10, {size}"]})
    assert smallest_gpu([unknown]) is None
    assert smallest_gpu([unknown, machine(here | {"gpus": ["NVIDIA L4, 23034"]})]) == 23034 * 2**20


def test_nothing_but_the_standard_library_is_needed():
    """The machine may have neither Ray's nor this package's other modules."""
    imported = re.findall(r"^(?:from|import) (\w+)", Path(one_machine.__file__).read_text(), re.M)
    assert set(imported) <= sys.stdlib_module_names


@pytest.mark.parametrize(("gpus", "cpus", "on_gpus"), [(None, 8, 2), (0.0, 40, 0)])
def test_processors_without_a_gpu_count_only_if_trials_use_none(monkeypatch, gpus, cpus, on_gpus):
    nodes = [{"CPU": 8.0, "GPU": 2.0}, {"CPU": 32.0}]
    monkeypatch.setattr(session, "resources_of_nodes", lambda: nodes)
    capacity = session.capacity_for(settings(gpus=gpus))
    assert (capacity.cpus, capacity.gpus) == (cpus, on_gpus)


@pytest.mark.parametrize("gpus", [None, 1.0])
def test_processors_and_a_gpu_must_be_those_of_one_machine(monkeypatch, gpus):
    nodes = [{"CPU": 32.0}, {"CPU": 8.0, "GPU": 1.0}]
    monkeypatch.setattr(session, "resources_of_nodes", lambda: nodes)
    with pytest.raises(session.ResourceError, match=r"needs 16 CPUs and .* of one node, and no"):
        session.capacity_for(settings(cpus=16, gpus=gpus))
    assert session.capacity_for(settings(cpus=16, gpus=0.0)).places == 2
    assert session.capacity_for(settings(cpus=8, gpus=gpus)).places == 1


def test_a_cluster_has_the_grids_limit_of_trials_at_a_time(monkeypatch):
    monkeypatch.setattr(session, "resources_of_nodes", lambda: [{"CPU": 32.0}] * 2)
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert session.capacity_for(settings()).places == 64
    limited = session.capacity_for(settings(most_at_a_time=1))
    assert (limited.most_at_a_time, limited.places) == (1, 1)


def test_on_this_machine_a_trial_that_waits_to_run_alone_takes_no_place(monkeypatch):
    monkeypatch.setattr(session, "resources_of_nodes", lambda: [{"CPU": 2.0}])
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    limited = session.capacity_for(settings(most_at_a_time=2))
    assert (limited.most_at_a_time, limited.places) == (None, 2)
