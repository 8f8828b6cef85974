"""A frame as arrays."""

import math
import sys

import pytest

from adaloss.errors import UserError
from analysis import to_xarray


def test_fields_that_vary_are_axes(records):
    records.cell([90.0, 91.0], b0=0.1)
    records.cell([80.0, "diverged"], b0=1.0)
    records.cell([70.0, 71.0], b0=0.1, optimizer="sgd_constant")
    arrays = to_xarray(records.frame())
    assert set(arrays.dims) == {"b0", "optimizer", "seed"}
    values = arrays["last:test/top1"]
    assert values.sel(b0=0.1, optimizer="sgd_constant").values.tolist() == [70.0, 71.0]
    assert values.sel(b0=0.1, optimizer="adaloss").mean("seed") == 90.5
    assert math.isnan(values.sel(b0=1.0, optimizer="sgd_constant", seed=0))
    assert arrays["state"].sel(b0=1.0, optimizer="adaloss", seed=1) == "diverged"
    assert arrays.attrs["batch_size"] == 32
    assert "b0" not in arrays.attrs


def test_none_is_a_place_of_its_own_on_an_axis(records):
    for size, value in ((None, 90.0), (32, 80.0), (64, 70.0)):
        records.cell([value], image_size=size)
    values = to_xarray(records.frame())["last:test/top1"].isel(seed=0)
    found = [values.sel(image_size=size).item() for size in ("none", 32, 64)]
    assert found == [90.0, 80.0, 70.0]


def test_neither_is_it_a_text_of_that_name(programs):
    for clip, value in ((None, 0.1), ("none", 0.2)):
        programs.cell([value], clip=clip)
    values = to_xarray(programs.frame())["last:test/top1"].isel(seed=0)
    assert [values.sel(clip=clip).item() for clip in ("no value", "none")] == [0.1, 0.2]


def test_without_xarray_a_sentence_says_what_to_install(records, monkeypatch):
    records.cell([90.0, 91.0], b0=0.1)
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(UserError, match=r"install adaloss-sweep\[xarray\]"):
        to_xarray(records.frame())
