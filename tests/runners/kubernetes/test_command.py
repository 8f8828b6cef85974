"""``adaloss-sweep kubernetes``: the manifest that it writes, and its messages."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from pods import LAYERS, MODEL, contents_of, objects_of, pods_of

from adaloss.errors import UserError
from runners.kubernetes.files import MOST_BYTES, config_map, key_of
from runners.kubernetes.job import KubernetesJob, name_of
from runners.kubernetes.manifest import manifest

SCHEMA = json.loads(Path(__file__).with_name("rayjob.schema.json").read_text())


@pytest.fixture
def kubernetes(cli, grid):
    """The command on the small grid, with an image."""

    def run(*arguments):
        return cli("kubernetes", "grid.yaml", "--image", "images/sweep:1", *arguments)

    return run


def job(**options):
    return KubernetesJob(
        **({"name": "small", "image": "sweep:1", "storage": "s3://bucket"} | options)
    )


def test_the_manifest_is_valid_and_asks_for_what_the_options_say(kubernetes):
    code, text, errors = kubernetes(
        "--workers", 3, "--cpus-per-worker", 8, "--gpus-per-worker", 2, "--memory", "32Gi",
        "--claim", "results", "--secret", "keys", "--job-name", "paper", "--retries", 5,
    )  # fmt: skip
    assert (code, errors) == (0, "")
    files, ray_job = objects_of(text)
    jsonschema.validate(ray_job, SCHEMA)
    assert (files["metadata"]["name"], ray_job["metadata"]["name"]) == ("paper-files", "paper")
    spec = ray_job["spec"]
    assert spec["entrypoint"] == "adaloss-sweep run /sweep/grid.yaml --yes --storage /results"
    assert (spec["backoffLimit"], spec["shutdownAfterJobFinishes"]) == (5, True)
    cluster = spec["rayClusterSpec"]
    assert cluster["rayVersion"] == version("ray")
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    (group,) = cluster["workerGroupSpecs"]
    assert [group[f"{name}eplicas"] for name in ("r", "minR", "maxR")] == [3, 3, 3]
    head, worker = pods_of(ray_job)
    resources = worker["containers"][0]["resources"]
    assert resources["limits"] == resources["requests"]
    assert resources["limits"] == {"cpu": 8, "memory": "32Gi", "nvidia.com/gpu": 2}
    for pod in (head, worker):
        assert pod["containers"][0]["image"] == "images/sweep:1"
        assert pod["containers"][0]["envFrom"] == [{"secretRef": {"name": "keys"}}]
    mounted = {mount["name"]: mount["mountPath"] for mount in head["containers"][0]["volumeMounts"]}
    assert mounted == {"files": "/sweep", "results": "/results"}
    assert {"name": "results", "persistentVolumeClaim": {"claimName": "results"}} in head["volumes"]


def test_the_storage_needs_no_volume(kubernetes):
    _, text, _ = kubernetes("--storage", "s3://bucket/results/")
    files, ray_job = objects_of(text)
    jsonschema.validate(ray_job, SCHEMA)
    assert ray_job["spec"]["entrypoint"].endswith("--yes --storage s3://bucket/results")
    head, worker = pods_of(ray_job)
    assert [volume["name"] for volume in head["volumes"]] == ["files"]
    assert "volumes" not in worker
    assert "nvidia.com/gpu" not in worker["containers"][0]["resources"]["limits"]
    assert list(contents_of(files, ray_job)) == ["grid.yaml"]


def test_the_users_code_is_in_the_manifest(kubernetes, grid, tmp_path):
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "layers.py").write_text(LAYERS)
    (tmp_path / "my_model.py").write_text(MODEL)
    grid.write_text(grid.read_text().replace("mlp", "'my_model:build'"))
    _, text, _ = kubernetes("--storage", "s3://bucket")
    files, ray_job = objects_of(text)
    jsonschema.validate(ray_job, SCHEMA)
    contents = contents_of(files, ray_job)
    assert contents.pop("grid.yaml") == grid.read_bytes()
    assert contents == {"my_model.py": MODEL.encode(), "parts/layers.py": LAYERS.encode()}


def test_code_is_found_from_the_grids_folder_and_from_the_working_folder(
    cli, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweeps").mkdir()
    (tmp_path / "sweeps" / "train.py").write_text("import other\n")
    (tmp_path / "other.py").write_text("")
    grid = "program: {}\nmetric: {{name: loss, goal: minimize}}\nparameters: {{lr: [1, 2]}}\n"
    for program in ("train.py", "sweeps/train.py"):
        (tmp_path / "sweeps" / "grid.yaml").write_text(grid.format(program))
        code, text, errors = cli("kubernetes", "sweeps/grid.yaml", "--image", "i", "--claim", "c")
        assert code == 0, errors
        assert {program, "other.py"} <= set(contents_of(*objects_of(text)))


def test_code_elsewhere_is_named(cli, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    script = tmp_path / "train.py"
    script.write_text("")
    grid = "metric: {name: loss, goal: minimize}\nparameters: {lr: [1, 2]}\n"
    Path("grid.yaml").write_text(f"program: {script}\n{grid}")
    _, text, errors = cli("kubernetes", "grid.yaml", "--image", "i", "--claim", "c")
    assert f"note: {script} is not in the manifest: the image must have it" in errors
    assert list(contents_of(*objects_of(text))) == ["grid.yaml"]


def test_data_of_the_users_own_is_named(kubernetes, grid, tmp_path):
    folder = tmp_path / "pets"
    for kind in ("cat", "dog"):
        (folder / kind).mkdir(parents=True)
        (folder / kind / "1.png").write_bytes(b"")
    grid.write_text(grid.read_text().replace("digits", "imagefolder:pets\n  resize: 8"))
    _, _, errors = kubernetes("--storage", "s3://bucket")
    assert f"note: {folder} is not in the manifest: the image must have it" in errors


def test_output_and_json(kubernetes, tmp_path):
    code, text, errors = kubernetes("--storage", "s3://bucket", "-o", "jobs/job.yaml")
    assert (code, text) == (0, "")
    assert "wrote jobs/job.yaml" in errors
    written = (tmp_path / "jobs" / "job.yaml").read_text()
    printed = json.loads(kubernetes("--storage", "s3://bucket", "--json")[1])
    assert printed == {
        "job": "small",
        "results": "s3://bucket/small",
        "file": None,
        "manifest": written,
    }


@pytest.mark.parametrize(
    ("resources", "options", "message"),
    [
        ("cpu: 4", ("--cpus-per-worker", 2), "a trial needs 4 (resources.cpu): write --cpus-per"),
        ("gpu: 2", (), "a trial needs 2 GPUs (resources.gpu), and a worker has 0: write --gpus-"),
        ("gpu: 2", ("--gpus-per-worker", 1), "and a worker has 1: write --gpus-per-worker 2"),
    ],
)
def test_workers_without_room_for_a_trial_are_refused(
    kubernetes, grid, resources, options, message
):
    grid.write_text(f"{grid.read_text()}resources: {{{resources}}}\n")
    code, text, errors = kubernetes("--storage", "s3://bucket", *options)
    assert (code, text) == (2, "")
    assert message in errors


def test_a_worker_has_the_processors_of_a_trial_unless_told_otherwise(kubernetes, grid):
    grid.write_text(f"{grid.read_text()}resources: {{cpu: 4}}\n")
    _, ray_job = objects_of(kubernetes("--storage", "s3://bucket")[1])
    assert pods_of(ray_job)[1]["containers"][0]["resources"]["limits"]["cpu"] == 4


def test_a_broken_grid_gives_no_manifest(kubernetes, grid):
    grid.write_text(grid.read_text().replace("epochs: 2", "epochs: two"))
    code, text, errors = kubernetes("--storage", "s3://bucket")
    assert (code, text) == (2, "")
    assert "grid.yaml:8:" in errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"storage": None}, "the results must be kept elsewhere: write --storage s3://bucket/path"),
        ({"claim": "results"}, "not both"),
        ({"storage": "results"}, "the pods do not see a folder of this machine"),
        ({"storage": "s3://bucket/$HOME"}, "the URL of a job may have letters"),
        ({"storage": "s3://bucket/my results"}, "the URL of a job may have letters"),
        ({"name": "Small"}, "--job-name 'Small': write at most 47 small letters"),
        ({"name": "s" * 48}, "write at most 47 small letters"),
        ({"secret": "my keys"}, "--secret 'my keys': write the name of one that is there"),
        ({"secret": "Keys"}, "small letters, digits, hyphens and dots"),
        ({"secret": "keys."}, "--secret 'keys.': write the name"),
        ({"secret": "s" * 254}, "write the name of one that is there"),
        ({"storage": None, "claim": "my_claim"}, "--claim 'my_claim': write the name"),
        ({"memory": "16"}, "--memory 16: write the memory of a pod, such as 16Gi"),
        ({"memory": "8K"}, "--memory 8K: write the memory of a pod, such as 16Gi"),
        ({"memory": "lots"}, "--memory lots: write the memory of a pod, such as 16Gi"),
        ({"image": "my image"}, "--image 'my image': write the image's name and tag"),
    ],
)
def test_a_mistake_in_an_option_is_explained(options, message):
    with pytest.raises(UserError, match=r".*") as refused:
        job(**options)
    assert message in str(refused.value)


@pytest.mark.parametrize("name", ["results.v2", "2026-results", f"pvc-{'0' * 60}", "2026"])
def test_an_object_that_is_there_may_have_any_name_that_kubernetes_allows(name):
    _, ray_job = objects_of(manifest(job(storage=None, claim=name, secret=name), {}, "2.60.0"))
    head, worker = pods_of(ray_job)
    assert {"name": "results", "persistentVolumeClaim": {"claimName": name}} in head["volumes"]
    assert worker["containers"][0]["envFrom"] == [{"secretRef": {"name": name}}]


@pytest.mark.parametrize("memory", ["16Gi", "1.5G", "512Mi", "17179869184"])
def test_a_pods_memory_may_be_in_any_unit(memory):
    _, ray_job = objects_of(manifest(job(memory=memory), {}, "2.60.0"))
    assert pods_of(ray_job)[1]["containers"][0]["resources"]["limits"]["memory"] == memory


def test_code_that_is_too_large_is_refused():
    files = {"grid.yaml": b"x" * 1000, "parts/table.py": b"y" * MOST_BYTES}
    with pytest.raises(UserError, match=r"2 files with 1\.0 MiB.*install the code in the image"):
        manifest(job(), files, "2.60.0")
    files["parts/table.py"] = b"y" * (MOST_BYTES - 1000 - sum(len(key_of(f)) for f in files))
    assert manifest(job(), files, "2.60.0")


@given(name=st.text())
def test_any_sweep_has_a_name_that_kubernetes_takes(name):
    assert job(name=name_of(name)).name


@pytest.mark.slow
@given(
    files=st.dictionaries(
        st.from_regex(r"\w[\w /.-]*\w", fullmatch=True),
        st.one_of(st.binary(), st.text().map(str.encode)),
        min_size=1,
    )
)
def test_every_file_arrives_as_it_is(files):
    config, ray_job = objects_of(manifest(job(), files, "2.60.0"))
    jsonschema.validate(ray_job, SCHEMA)
    assert contents_of(config, ray_job) == files


def test_no_two_paths_have_the_same_key():
    paths = ["a/b", "a_2fb", "a_b", "a.b", "a b", "\u00e4"]
    assert len({key_of(path) for path in paths}) == len(paths)


def test_a_grid_is_readable_in_the_manifest():
    assert "  grid.yaml: |\n    name: small\n" in manifest(
        job(), {"grid.yaml": b"name: small\n"}, "2.60.0"
    )
    assert "binaryData" not in config_map("files", {"grid.yaml": "b0 \u00d7 10\n".encode()})
