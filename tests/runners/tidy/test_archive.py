"""An archive has all of the results, and is imported whole and undamaged or not at all."""

import errno
import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adaloss.records.remote import address
from runners.tidy import unpack
from runners.tidy.archive import is_packed, manifest, parsed_manifest, write_archive
from runners.tidy.unpack import ArchiveError, check_archive, import_archive

NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0", exclude_categories=["Cs"]),
    min_size=1,
    max_size=20,
).filter(
    # What the tool calls its temporary files is not packed.
    lambda name: (
        name not in (".", "..") and len(name.encode()) < 100 and is_packed(name, is_top=False)
    )
)
PATHS = st.lists(NAMES, min_size=1, max_size=3)
TREES = st.dictionaries(PATHS.map("/".join), st.binary(max_size=300), max_size=8)


def written(folder, tree):
    """A folder of results with these files below a trial's own; those that cannot be are not."""
    (folder / "trials" / "t" / "files").mkdir(parents=True)
    (folder / "grid.yaml").write_text("name: s\n")
    for name, content in tree.items():
        path = folder / "trials" / "t" / "files" / name
        if not any(part.is_file() for part in path.parents) and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return folder


def read(folder):
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
@settings(max_examples=60)
@given(tree=TREES)
def test_what_is_imported_is_what_was_packed(tree):
    with TemporaryDirectory() as temporary:
        here = Path(temporary)
        root = written(here / "s", tree)
        packed = write_archive(root, here / "s.tar.gz")
        assert import_archive(here / "s.tar.gz", here / "there") == here / "there" / "s"
        assert read(here / "there" / "s") == read(root)
        assert packed.files == len(read(root))
        assert [path.name for path in (here / "there").iterdir()] == ["s"]


@pytest.mark.slow
@settings(max_examples=150)
@given(data=st.data())
def test_a_damaged_archive_is_refused_or_gives_the_same(data):
    with TemporaryDirectory() as temporary:
        here = Path(temporary)
        root = written(here / "s", {"a": bytes(range(256)) * 9, "b/c": b"x" * 5000, "d": b""})
        write_archive(root, here / "s.tar.gz")
        content = bytearray((here / "s.tar.gz").read_bytes())
        # The size of an archive changes with the times of its files.
        at = data.draw(st.integers(0, 10**6)) % len(content)
        if data.draw(st.booleans()):
            content[at] ^= data.draw(st.integers(1, 255))
        else:
            del content[at:]
        (here / "s.tar.gz").write_bytes(content)
        try:
            import_archive(here / "s.tar.gz", here / "there")
        except ArchiveError:
            assert not (here / "there").exists() or list((here / "there").iterdir()) == []
        else:
            assert read(here / "there" / "s") == read(root)


@given(st.dictionaries(PATHS.map("/".join), st.just("0" * 64)))
def test_a_manifest_is_read_as_it_was_written(digests):
    assert parsed_manifest(manifest(digests)) == digests


@pytest.fixture
def archive(small, tmp_path):
    path = tmp_path / "small.tar.gz"
    write_archive(small.root, path)
    return path


def rewritten(path, change):
    """The archive with its files, by name, as ``change`` leaves them; gzip's checksum is right."""
    with tarfile.open(path) as tar:
        files = {entry.name: tar.extractfile(entry).read() for entry in tar}
    change(files)
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


def test_results_travel_to_another_machine(cli, small, tmp_path):
    table = cli("table", small.root)[1]
    code, said, _ = cli("archive", "small")
    assert code == 0
    digest = hashlib.sha256((tmp_path / "small.tar.gz").read_bytes()).hexdigest()
    assert said.splitlines()[-1] == f"sha256 {digest}"
    assert cli("import", "small.tar.gz", "--storage", "elsewhere")[:2] == (
        0, "imported elsewhere/small\n",
    )  # fmt: skip
    assert cli("table", "elsewhere/small")[1] == table
    about = json.loads(cli("archive", "elsewhere/small", "-o", "b.tar.gz", "--json")[1])
    assert about["files"] == len(
        [path for path in small.root.rglob("*") if path.is_file() and path.parent.name != "index"
         and path.name != "run.lock"]
    )  # fmt: skip


def test_every_byte_is_what_sha256sum_checks(archive, tmp_path):
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "bag", filter="data")
    bag = tmp_path / "bag" / "small"
    for name in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        for line in (bag / name).read_text().splitlines():
            digest, file = line.split("  ")
            assert hashlib.sha256((bag / file).read_bytes()).hexdigest() == digest
    size, count = (bag / "bag-info.txt").read_text().split("Oxum: ")[1].split(".")
    files = [path for path in (bag / "data").rglob("*") if path.is_file()]
    assert (int(size), int(count)) == (sum(p.stat().st_size for p in files), len(files))


def test_what_is_of_this_machine_is_not_packed(small, tmp_path):
    for name in (
        "run.lock", "run.owner", "index/results.parquet", "trackio/db", ".watch.lock",
        "wandb/mirror.lock", ".in-common.json", "trials/t/.result.json.12-ab",
    ):  # fmt: skip
        (small.root / name).parent.mkdir(exist_ok=True)
        (small.root / name).write_text("")
    kept = "wandb/mirrored/online/a.json"
    (small.root / kept).parent.mkdir(parents=True)
    (small.root / kept).write_text("{}")
    write_archive(small.root, tmp_path / "a.tar.gz")
    with tarfile.open(tmp_path / "a.tar.gz") as tar:
        names = {name.partition("/data/")[2] for name in tar.getnames()} - {""}
    assert kept in names
    assert {name.split("/")[0] for name in names} == {"grid.yaml", "trials", "wandb"}
    assert not [name for name in names if ".lock" in name or ".result.json." in name]


def test_what_could_not_be_imported_is_not_packed(cli, small, tmp_path):
    small.root.rename(small.root.with_name(".small"))
    code, _, errors = cli("archive", "results/.small")
    assert (code, "results/.small: its name begins with a dot" in errors) == (2, True)
    assert not list(tmp_path.glob("*.tar.gz"))
    assert cli("rename", "results/.small", "small")[0] == 0
    assert cli("archive", "results/small")[0] == 0


def test_links_are_left_out_and_named(cli, small, tmp_path):
    (tmp_path / "secret").write_text("secret")
    folder = next(small.root.glob("trials/*"))
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "folder").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    code, _, errors = cli("archive", "small")
    assert code == 0
    left_out = [line.split(": ")[1].split(" is ")[0] for line in errors.splitlines()]
    assert sorted(left_out) == [f"trials/{folder.name}/{n}" for n in ("folder", "link", "pipe")]
    with tarfile.open(tmp_path / "small.tar.gz") as tar:
        assert all(entry.isreg() for entry in tar)
    assert b"secret" not in gzip.decompress((tmp_path / "small.tar.gz").read_bytes())


def test_many_links_are_counted_and_named_with_json(cli, small, tmp_path):
    folder = next(small.root.glob("trials/*"))
    for number in range(5):
        (folder / f"link{number}").symlink_to(tmp_path)
    errors = cli("archive", "small")[2].splitlines()
    assert [line.rpartition("/")[2].split()[0] for line in errors[:3]] == [
        "link0",
        "link1",
        "link2",
    ]
    assert errors[3:] == ["note: 2 more are left out, all of which --json names"]
    assert len(json.loads(cli("archive", "small", "-o", "b.tar.gz", "--json")[1])["left_out"]) == 5


def test_existing_results_are_not_overwritten(cli, small, archive, files_of):
    before = files_of(small.root)
    code, _, errors = cli("import", archive)
    assert (code, "results/small already exists and is not overwritten" in errors) == (2, True)
    assert files_of(small.root) == before
    assert [path.name for path in small.root.parent.iterdir()] == ["small"]


def test_an_archive_is_not_written_over_a_file_or_into_the_results(cli, small, tmp_path):
    (tmp_path / "a.tar.gz").write_text("mine")
    assert "already exists" in cli("archive", "small", "-o", "a.tar.gz")[2]
    assert (tmp_path / "a.tar.gz").read_text() == "mine"
    assert "lies in the results" in cli("archive", "small", "-o", small.root / "a.tar.gz")[2]
    assert "ends in .tar.gz" in cli("archive", "small", "-o", "a.zip")[2]


def change_a_number(files):
    name = next(name for name in files if name.endswith("result.json"))
    files[name] = files[name].replace(b'"seconds": 2.0', b'"seconds": 3.0')


def lose_a_file(files):
    del files[next(name for name in files if name.endswith("metrics.jsonl"))]


def add_a_file(files):
    files["small/data/trials/extra"] = b""


def change_the_manifest(files):
    files["small/manifest-sha256.txt"] += b"%064d  data/a\n" % 0


def lose_the_manifest(files):
    del files["small/manifest-sha256.txt"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (change_a_number, "result.json is not what was packed"),
        (lose_a_file, "metrics.jsonl is missing"),
        (add_a_file, "data/trials/extra is not what was packed"),
        (change_the_manifest, "manifest-sha256.txt is not what was packed"),
        (lose_the_manifest, "manifest-sha256.txt is missing"),
    ],
)
def test_what_is_damaged_is_named(archive, tmp_path, change, what):
    rewritten(archive, change)
    with pytest.raises(ArchiveError, match=what):
        import_archive(archive, tmp_path / "there")
    assert list((tmp_path / "there").iterdir()) == []


def test_a_truncated_archive_names_where_it_ends(archive, tmp_path):
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    with pytest.raises(ArchiveError, match=r"at data/trials/mlp.*: Compressed file ended before"):
        import_archive(archive, tmp_path / "there")
    with pytest.raises(ArchiveError):
        check_archive(archive)


@pytest.mark.parametrize(
    "name",
    [
        "../out", "small/../../out", "{}/out", "small/data/../out", "small/data/../../out",
        "small//out", ".small/a", "small/data/./a", "out",
    ],
)  # fmt: skip
def test_nothing_is_written_outside_the_folder(archive, tmp_path, name):
    def add(files):
        files[name.format(tmp_path)] = b"out"

    rewritten(archive, add)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(ArchiveError):
        import_archive(archive, tmp_path / "there")
    assert set(tmp_path.rglob("*")) - before == {tmp_path / "there"}


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_an_archive_has_files_only(tmp_path, kind):
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        entry = tarfile.TarInfo("small/data/a")
        entry.type, entry.linkname = kind, "/etc/passwd"
        tar.addfile(entry)
    with pytest.raises(ArchiveError, match="is no file in a folder of results"):
        import_archive(tmp_path / "a.tar.gz", tmp_path / "there")


@pytest.mark.parametrize(
    "content",
    [b"", b"not an archive", gzip.compress(b"x" * 2000, mtime=0)],
    ids=["empty", "text", "gzip"],
)
def test_another_file_is_no_archive(cli, tmp_path, content):
    (tmp_path / "a.tar.gz").write_bytes(content)
    code, _, errors = cli("import", "a.tar.gz")
    assert (code, len(errors.splitlines())) == (2, 1)
    assert "a.tar.gz is damaged or no archive of results" in errors
    for name in ("b.tar.gz", "."):
        assert f"{name}: there is no such file: name one that" in cli("import", name)[2]


def test_a_bag_of_something_else_is_no_results(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("")
    write_archive(tmp_path / "photos", tmp_path / "a.tar.gz")
    with pytest.raises(ArchiveError, match="no results"):
        import_archive(tmp_path / "a.tar.gz", tmp_path / "there")
    assert list((tmp_path / "there").iterdir()) == []


def test_an_interrupted_import_leaves_nothing(archive, tmp_path, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(unpack, "compare", interrupted)
    with pytest.raises(KeyboardInterrupt):
        import_archive(archive, tmp_path / "there")
    assert list((tmp_path / "there").iterdir()) == []


def test_an_interrupted_archive_leaves_no_file(small, tmp_path, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("runners.tidy.archive.bag_info", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_archive(small.root, tmp_path / "a.tar.gz")
    assert not list(tmp_path.glob("*a.tar.gz*"))


def test_a_running_sweep_is_not_packed(cli, small, held, tmp_path):
    held(small.root / "run.lock")
    code, _, errors = cli("archive", "small")
    assert (code, "process 7 on elsewhere" in errors) == (2, True)
    assert not (tmp_path / "small.tar.gz").exists()


def test_a_folder_that_cannot_be_read_is_no_part_that_may_be_left_out(
    cli, small, tmp_path, monkeypatch
):
    denied = next(small.trials_folder.iterdir())
    original = os.scandir

    def denying(path):
        if Path(path).name == denied.name:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(os, "scandir", denying)
    code, _, errors = cli("archive", "small")
    assert code == 2
    assert f"{denied.relative_to(tmp_path)} cannot be read (Permission denied)" in errors
    assert not (tmp_path / "small.tar.gz").exists()


def test_results_at_a_url_are_packed_from_the_working_copy(cli, small, tmp_path, monkeypatch):
    from fsspec.implementations.memory import MemoryFileSystem

    monkeypatch.setattr(address, "user_cache_path", lambda _: tmp_path / "cache")
    system = MemoryFileSystem()
    for name in system.find(""):
        system.rm_file(name)
    system.put(f"{small.root}/", "/bucket/small/", recursive=True)
    before = {name: content for name, (content, _) in read(small.root).items()}
    assert cli("archive", "memory://bucket/small")[0] == 0
    shutil.rmtree(small.root)
    assert cli("import", "small.tar.gz")[0] == 0
    assert {name: content for name, (content, _) in read(small.root).items()} == before
    code, _, errors = cli("import", "small.tar.gz", "--storage", "memory://bucket")
    assert (code, "memory://bucket is at a URL" in errors) == (2, True)


def test_files_follow_the_umask(archive, tmp_path, kept_from_others):
    import_archive(archive, tmp_path / "there")
    assert kept_from_others(tmp_path / "there")
