"""The image's Dockerfile, as far as it can be checked without Docker."""

import re
import subprocess
from configparser import ConfigParser
from fnmatch import fnmatch
from pathlib import Path

from setuptools import find_packages

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
PIN = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)


def instructions():
    """Each instruction's name and words."""
    lines = [line for line in DOCKERFILE.splitlines() if not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", "").splitlines():
        if line:
            name, _, rest = line.partition(" ")
            yield name, rest.split()


def copied():
    """The files and folders of the checkout that are copied."""
    return [
        source
        for name, words in instructions()
        if name == "COPY" and not words[0].startswith("--")
        for source in words[:-1]
    ]


def pins(*path):
    return dict(PIN.findall(ROOT.joinpath(*path).read_text(encoding="utf-8")))


def setup_cfg():
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def test_it_has_the_instructions_that_docker_knows_in_an_order_that_works():
    names = [name for name, _ in instructions()]
    assert set(names) <= {"ARG", "ENV", "FROM", "WORKDIR", "COPY", "RUN", "USER", "ENTRYPOINT"}
    assert names[:2] == ["ARG", "FROM"]
    assert names.index("ENTRYPOINT") == len(names) - 1
    users = [words for name, words in instructions() if name == "USER"]
    assert users == [["1000"]]
    for name, words in instructions():
        if name == "RUN":
            subprocess.run(["bash", "-n", "-c", " ".join(words)], check=True)


def test_all_that_is_copied_exists_and_is_not_ignored():
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = [rule[1:] for rule in rules if rule.startswith("!")]
    for source in copied():
        assert (ROOT / source).exists()
        assert any(fnmatch(source, rule) for rule in allowed), source
    assert sorted(allowed) == sorted(copied())


def test_all_that_the_package_consists_of_is_copied():
    packages = {name.partition(".")[0] for name in find_packages(str(ROOT), exclude=["tests*"])}
    ours = packages & {"adaloss", "runners", "analysis"}
    config = setup_cfg()
    modules = {f"{name}.py" for name in config["options"]["py_modules"].split()}
    grids = config["options"]["package_dir"].partition("=")[2].strip()
    texts = {config["metadata"]["license_files"], "README.md"}
    assert ours | modules | texts | {grids, "setup.cfg", "setup.py"} <= set(copied())


def test_its_lock_has_what_the_package_needs_in_the_versions_of_the_tests():
    ours, of_tests = pins("docker", "image.lock"), pins("requirements.lock")
    assert {name: version for name, version in of_tests.items() if name in ours} == {
        name: version for name, version in ours.items() if name in of_tests
    }
    config = setup_cfg()
    wanted = config["options"]["install_requires"].split("\n")
    for extra in ("s3", "jobs"):
        wanted += config["options.extras_require"][extra].split("\n")
    names = {re.sub("[._]", "-", re.split(r"[\[><=]", line)[0]) for line in wanted if line}
    assert {name for name in names if name} - set(ours) == set()
    # What only developers need would make the image larger.
    assert not {"pytest", "ruff", "mypy", "mkdocs", "playwright"} & set(ours)


def test_the_others_are_all_but_torch_and_what_it_brings(tmp_path):
    (command,) = [
        " ".join(words)
        for name, words in instructions()
        if name == "RUN" and "others.lock" in " ".join(words)
    ]
    filtering = re.search(r"awk '.*?' image\.lock > others\.lock", command)[0]
    (tmp_path / "image.lock").write_bytes((ROOT / "docker" / "image.lock").read_bytes())
    subprocess.run(["bash", "-c", filtering], cwd=tmp_path, check=True)
    left = dict(PIN.findall((tmp_path / "others.lock").read_text()))
    removed = set(pins("docker", "image.lock")) - set(left)
    assert {"torch", "torchvision", "triton"} <= removed
    assert {name for name in removed if not re.match(r"torch|triton|nvidia-|cuda-", name)} == set()
    assert "--hash=" in (tmp_path / "others.lock").read_text()


def test_its_python_is_one_that_the_package_supports():
    (version,) = re.findall(r"^ARG PYTHON=(3\.\d+)$", DOCKERFILE, re.MULTILINE)
    assert f":: {version}\n" in setup_cfg()["metadata"]["classifiers"] + "\n"
