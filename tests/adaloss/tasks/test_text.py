"""Text classification: words, splits, the LSTM, and trials that resume and diverge."""

import hashlib
import os
import threading
from collections import Counter
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adaloss.errors import DataError
from adaloss.records.places import NOWHERE, Places
from adaloss.records.result import SplitSizes
from adaloss.tasks.divergence import DivergedError
from adaloss.tasks.text import published
from adaloss.tasks.text.code import CODE
from adaloss.tasks.text.data_sets import split_sizes
from adaloss.tasks.text.fields import TextTrial
from adaloss.tasks.text.files import fetch, texts_of
from adaloss.tasks.text.model import build_model
from adaloss.tasks.text.splits import Examples, load_splits, spec_of
from adaloss.tasks.text.training import Training
from adaloss.tasks.text.words import PADDING, UNKNOWN, encoded, vocabulary_of, words_of

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=8)
LINES = "".join(
    f"{label}\t{text} {number}\n"
    for number in range(20)
    for label, text in (("good", "a fine film"), ("bad", "a dull film, isn't it"))
)


def trial_of(**fields):
    small = {
        "task": "text_classification",
        "optimizer": "adamloss",
        "seed": 0,
        "lr": 1.0,
        "b0": 100.0,
        "epochs": 3,
        "batch_size": 32,
        "hidden": 16,
        "embedding": 8,
        "train_examples": 200,
        "eval_examples": 100,
    }
    return TextTrial(**(small | fields))


def run_of(trial, places=NOWHERE):
    return CODE.start(trial, CODE.read(trial, places, "cpu"), places, "cpu", capture=False)


def numbers(metrics):
    return {name: value for name, value in metrics.items() if name != "examples_per_second"}


@pytest.fixture
def own(tmp_path):
    (tmp_path / "films.tsv").write_text(LINES)
    return Places(data_root=tmp_path / "data", own=(tmp_path,))


# Words


def test_words_are_in_lower_case_and_keep_their_apostrophes():
    assert words_of("It isn't GOOD, is it?") == ["it", "isn't", "good", ",", "is", "it", "?"]


@given(texts=st.lists(WORDS), size=st.integers(3, 8))
def test_the_vocabulary_has_the_most_frequent_words(texts, size):
    vocabulary = vocabulary_of(texts, size)
    counts = Counter(word for text in texts for word in text)
    assert sorted(vocabulary.values()) == list(range(2, 2 + min(len(counts), size - 2)))
    left_out = [counts[word] for word in counts.keys() - vocabulary.keys()]
    assert not left_out or max(left_out) <= min(counts[word] for word in vocabulary)


@given(texts=st.lists(WORDS, min_size=1), length=st.integers(1, 6))
def test_a_text_is_its_first_words_and_padding(texts, length):
    vocabulary = {"a": 2, "b": 3}
    rows, lengths = encoded(texts, vocabulary, length)
    for text, row, count in zip(texts, rows.tolist(), lengths.tolist(), strict=True):
        expected = [vocabulary.get(word, UNKNOWN) for word in text[:length]] or [UNKNOWN]
        assert row == expected + [PADDING] * (length - len(expected))
        assert count == len(expected)


def test_the_vocabulary_is_that_of_the_training_texts_alone(own):
    spec = spec_of(trial_of(dataset="textfile:films.tsv", train_examples=2), own)
    splits = load_splits(spec, own.data_root, "cpu")
    # Each text ends with a number of its own.
    assert int(splits.train.inputs.min()) == PADDING
    assert UNKNOWN not in splits.train.inputs
    assert UNKNOWN in splits.test.inputs


# Files


def test_a_file_of_ones_own_is_split_by_class(own):
    trial = trial_of(dataset="textfile:films.tsv")
    inputs = CODE.read(trial, own, "cpu")
    assert inputs.sizes == SplitSizes(train=26, validation=6, test=8) == split_sizes(trial, own)
    assert inputs.data.classes == 2
    assert inputs.fingerprint.dataset == inputs.data.digest is not None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"good\ta film\nbad a film\n", "line 2: it has no label, tab and text"),
        (b"good\ta film\nbad\t\n", "line 2: it has no label, tab and text"),
        (b"good\ta film\n\n\xff\tx\n", "line 3: it is not UTF-8"),
        (b"good\ta film\ngood\tanother\n", "two labels are the fewest, and it has 1"),
        (b"", "and it has 0"),
        (b"label\ttext\n" + LINES.encode(), r"the label 'label' is on too few texts \(1\)"),
        (b"a\tx\nb\ty\n", r"'a' is on too few texts \(1\): 4 are needed"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(tmp_path, content, expected):
    path = tmp_path / "own.tsv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=expected):
        texts_of(f"textfile:{path}", tmp_path)


def test_a_file_that_is_not_there_is_looked_for_in_three_folders(own):
    with pytest.raises(DataError, match=r"there is no file .*/none\.tsv, .*/data/none\.tsv"):
        CODE.read(trial_of(dataset="textfile:none.tsv"), own, "cpu")


def test_a_text_is_in_one_part_only(own):
    (own.own[0] / "twice.tsv").write_text(LINES * 3 + LINES.upper().replace("GOOD", "good"))
    trial = trial_of(dataset="textfile:twice.tsv")
    assert split_sizes(trial, own).train + split_sizes(trial, own).test < 60
    assert CODE.read(trial, own, "cpu").sizes == split_sizes(trial, own)


def test_a_published_set_without_a_network_says_what_to_put_where(tmp_path, monkeypatch):
    about = published.TEXT_DATASETS["subj"]
    here = type(about)(**(vars(about) | {"server": "http://127.0.0.1:9/"}))
    monkeypatch.setitem(published.TEXT_DATASETS, "subj", here)
    with pytest.raises(DataError, match=r"Put text/sent-conv/subj\.all into .*set ADALOSS_DATA"):
        fetch("subj", tmp_path)
    with pytest.raises(DataError, match=r"subj\.all not found; `adaloss-sweep run` downloads it"):
        texts_of("subj", tmp_path)


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A small set of texts on a server of this machine."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "sms.tsv").write_text(LINES)
    checksum = hashlib.md5((folder / "sms.tsv").read_bytes(), usedforsecurity=False).hexdigest()
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=partial(server.serve_forever, 0.01), daemon=True).start()
        about = published.TEXT_DATASETS["sms"]
        here = f"http://127.0.0.1:{server.server_port}/"
        values = vars(about) | {"server": here, "checksums": (checksum,)}
        monkeypatch.setitem(published.TEXT_DATASETS, "sms", type(about)(**values))
        yield folder / "sms.tsv"
        server.shutdown()


def test_a_published_set_is_downloaded_once(served, tmp_path):
    places = Places(data_root=tmp_path / "data")
    trial = trial_of(dataset="sms")
    CODE.fetch([trial], places)
    served.unlink()
    CODE.fetch([trial], places)
    assert (tmp_path / "data/text/sms.tsv").exists()
    assert CODE.read(trial, places, "cpu").sizes.test == 8


def test_a_damaged_download_is_refused(served, tmp_path):
    served.write_text("ham\tother\n")
    with pytest.raises(DataError, match="cannot be downloaded"):
        CODE.fetch([trial_of(dataset="sms")], Places(data_root=tmp_path / "data"))
    assert not (tmp_path / "data/text/sms.tsv").exists()


def test_published_sets_keep_their_parts_and_are_checked(tmp_path, monkeypatch):
    folder = tmp_path / "text"
    folder.mkdir()
    about = published.TextDataset(
        folder="text",
        files=("train", "test"),
        server="",
        file_bytes=0,
        parts=(0, 2),
        checksums=tuple(
            hashlib.md5(content, usedforsecurity=False).hexdigest()
            for content in (b"0 caf\xe9\n1 caf\xc3\xa9\n", b"1 bar\n")
        ),
        separator=" ",
        counts={},
    )
    monkeypatch.setitem(published.TEXT_DATASETS, "sms", about)
    (folder / "train").write_bytes(b"0 caf\xe9\n1 caf\xc3\xa9\n")
    (folder / "test").write_bytes(b"1 bar\n")
    found = texts_of("sms", tmp_path)
    assert (found.texts, found.labels, found.parts) == (
        ("café", "café", "bar"),
        (0, 1, 1),
        (0, 0, 2),
    )
    (folder / "test").write_bytes(b"1 bat\n")
    with pytest.raises(DataError, match="test is damaged"):
        texts_of("sms", tmp_path)


@pytest.mark.parametrize("name", sorted(published.TEXT_DATASETS))
def test_real_texts_have_the_sizes_that_are_announced(name):
    root = Path(os.environ.get("ADALOSS_DATA", "nowhere"))
    if published.TEXT_DATASETS[name].missing(root):
        pytest.skip(f"ADALOSS_DATA has no texts of {name}")
    trial = trial_of(dataset=name, train_examples=None, eval_examples=None)
    inputs = CODE.read(trial, Places(data_root=root), "cpu")
    assert inputs.sizes == split_sizes(trial, NOWHERE)
    run = run_of(trial_of(dataset=name, epochs=1), Places(data_root=root))
    assert run.run_epoch()["test/top1"] > 40


# Training


@pytest.mark.slow
def test_digits_are_read_row_by_row_and_learned():
    run = run_of(trial_of(train_examples=None, b0=30.0, epochs=8, hidden=32))
    epochs = [run.run_epoch() for _ in range(8)]
    assert run.splits.train.inputs.shape[1:] == (8, 8)
    assert epochs[-1]["test/top1"] > 80
    assert epochs[0]["train/peak"] >= epochs[0]["train/loss"]


def test_what_follows_the_end_of_a_text_changes_nothing():
    trial = trial_of(dataset="subj", vocabulary=10)
    inputs = torch.tensor([[2, 3, 4, 0, 0], [5, 0, 0, 0, 0]])
    part = Examples(inputs=inputs, lengths=torch.tensor([3, 1]), labels=torch.tensor([0, 1]))
    other = Examples(
        inputs=torch.tensor([[2, 3, 4, 9, 9], [5, 7, 0, 7, 7]]),
        lengths=part.lengths,
        labels=part.labels,
    )
    splits = CODE.read(trial_of(), NOWHERE, "cpu").data
    model = build_model(trial, type(splits)(train=part, validation=part, test=part, classes=2))
    assert torch.equal(model(part), model(other))


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adamloss", "torch.optim:LBFGS", "adagrad_norm_rowwise"])
def test_a_resumed_trial_equals_an_uninterrupted_one(optimizer):
    trial = trial_of(optimizer=optimizer, lr=0.1, average="polynomial", schedule="cosine")
    whole = run_of(trial)
    expected = [numbers(whole.run_epoch()) for _ in range(3)]
    first, second = run_of(trial), run_of(trial)
    found = [numbers(first.run_epoch())]
    second.load_state_dict(first.state_dict())
    found += [numbers(second.run_epoch()) for _ in range(2)]
    assert found == expected


def test_b_grows_by_the_losses_of_the_steps():
    run = run_of(trial_of(alpha=2.0, c=0.5))
    losses = []
    read_back = run.steps.read_back
    run.steps.read_back = lambda *arguments: losses.extend(read_back(*arguments)) or losses
    b = run.run_epoch()["b"]
    assert b**2 == pytest.approx(100.0**2 + 2 * sum(abs(loss - 0.5) for loss in losses))


def test_a_loss_beyond_the_bound_ends_the_trial():
    run = run_of(trial_of(optimizer="paper_adam", b0=1e-3, max_loss=10.0))
    with pytest.raises(DivergedError, match="beyond max_loss"):
        run.run_epoch()


def test_a_trial_is_rehearsed_on_random_words():
    CODE.rehearse(trial_of(dataset="subj"), NOWHERE, "cpu")


def test_all_optimizers_of_a_seed_start_from_the_same_weights():
    splits = CODE.read(trial_of(), NOWHERE, "cpu").data
    one, other = (
        Training(trial_of(optimizer=name), splits).model.state_dict()
        for name in ("adamloss", "sgd_constant")
    )
    assert all(torch.equal(one[name], other[name]) for name in one)
