"""The type of each column of frames and exports: the same for every sweep.

Numbers are float64 and int64, or Int64 if values may be missing; truth values are bool or boolean;
texts are the ``str`` of pandas 3, with NaN for missing ones. ``mean`` and ``std`` are tuples, or
None. ``pretrained`` and ``split_seed`` may be text, a truth value or a number: if a sweep uses only
one of these types, the column has that type, else Python objects. So have the parameters of a
program, whatever other tasks call by their names.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api.extensions import ExtensionDtype

from adaloss.optimizer_names import HYPERPARAMETER
from adaloss.tasks.metrics import METRICS
from adaloss.tasks.table import FIELD_NAMES, FIELDS

WHOLE, NUMBER, YES_OR_NO, TEXT = pa.int64(), pa.float64(), pa.bool_(), pa.string()
# Values of several types; text in a file, where a column has one type.
SEVERAL_TYPES = ("pretrained", "split_seed", "hyperparameters")
OF_FIELDS: Mapping[type, pa.DataType] = {
    bool: YES_OR_NO,
    int: WHOLE,
    float: NUMBER,
    tuple: pa.list_(NUMBER),
}


def field_type(name: str, annotation: Any) -> pa.DataType:
    """The type of a field's column in a file, from the type of its values."""
    several = get_origin(annotation) in (Union, UnionType)
    kinds = set(map(bare, get_args(annotation) if several else (annotation,))) - {NoneType}
    if name in SEVERAL_TYPES or len(kinds) != 1:
        return TEXT
    return OF_FIELDS.get(kinds.pop(), TEXT)


def bare(annotation: Any) -> Any:
    """The class of a type, without bounds and parameters."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return get_origin(annotation) or annotation


FIELD_TYPES: Mapping[str, pa.DataType] = {
    name: field_type(name, field.annotation) for name, field in FIELDS.items()
}
OTHER_TYPES: Mapping[str, pa.DataType] = {
    "finished_epochs": WHOLE,
    "train_size": WHOLE,
    "val_size": WHOLE,
    "test_size": WHOLE,
    "epoch": WHOLE,
    "step": WHOLE,
    "seconds": NUMBER,
}
# Columns that are empty for a trial without a result.
OF_RESULTS = frozenset({"finished_epochs", "train_size", "val_size", "test_size"})

MOST = 2**63 - 1
EXACT = 2**53
"""Whole numbers up to this are exact as float64."""

DType = np.dtype[Any] | ExtensionDtype
# Backed by Python's strings, which need no conversion; pyarrow's are converted at each access.
STRING = pd.StringDtype("python", na_value=np.nan)
OBJECT = np.dtype("object")
ALWAYS_THERE: Mapping[pa.DataType, DType] = {
    WHOLE: np.dtype("int64"),
    NUMBER: np.dtype("float64"),
    YES_OR_NO: np.dtype("bool"),
    TEXT: STRING,
}
OR_NONE: Mapping[pa.DataType, DType] = {
    WHOLE: pd.Int64Dtype(),
    NUMBER: np.dtype("float64"),
    YES_OR_NO: pd.BooleanDtype(),
    TEXT: STRING,
}
OF_PYTHON: Mapping[type, DType] = {
    bool: ALWAYS_THERE[YES_OR_NO],
    int: ALWAYS_THERE[WHOLE],
    str: STRING,
}
OF_PARAMETERS: Mapping[type, DType] = {**OF_PYTHON, float: ALWAYS_THERE[NUMBER]}


def schema_of(
    columns: Sequence[str], own: Mapping[str, pa.DataType] = MappingProxyType({})
) -> pa.Schema:
    """The types of the columns in a file; ``own`` has those of a program's columns."""
    return pa.schema([(name, own.get(name) or type_of(name)) for name in columns])


def type_of(column: str) -> pa.DataType:
    """The type of a column in a file."""
    if column in FIELD_NAMES:
        return FIELD_TYPES[column]
    if column in OTHER_TYPES:
        return OTHER_TYPES[column]
    return NUMBER if column.rpartition(":")[2] in METRICS else TEXT


def column_of(name: str, values: Sequence[Any]) -> "pd.Series[Any]":
    """The column of this name with these values; None is a missing value."""
    dtype = dtype_of(name, values)
    if dtype.kind == "i" and any(value is not None and value > MOST for value in values):
        # Numbers such as 10**30 (all examples) exceed int64.
        dtype = OBJECT
    return pd.Series(values, dtype=dtype)


def dtype_of(name: str, values: Sequence[Any]) -> DType:
    """The type of a column of a frame."""
    if name in SEVERAL_TYPES or HYPERPARAMETER.match(name):
        types = {type(value) for value in values}
        return OF_PYTHON.get(types.pop(), OBJECT) if len(types) == 1 else OBJECT
    types_there = OR_NONE if name in OF_RESULTS or may_be_none(name) else ALWAYS_THERE
    return types_there.get(type_of(name), OBJECT)


def parameter_column(values: Sequence[Any]) -> "pd.Series[Any]":
    """The column of a program's parameter: of one type if all its values have it, else objects."""
    types = {type(value) for value in values}
    dtype = OF_PARAMETERS.get(types.pop(), OBJECT) if len(types) == 1 else OBJECT
    if dtype.kind == "i" and not all(-MOST <= value <= MOST for value in values):
        dtype = OBJECT
    return pd.Series(list(values), dtype=dtype)


def parameter_type(values: Iterable[Any]) -> pa.DataType:
    """The type of a program's parameter in a file; text where the values have several."""
    kinds = {type(value) for value in values} - {NoneType}
    if kinds == {int} and all(-MOST <= value <= MOST for value in values if value is not None):
        return WHOLE
    if kinds in ({float}, {int, float}) and all(
        abs(value) <= EXACT for value in values if isinstance(value, int)
    ):
        return NUMBER
    return YES_OR_NO if kinds == {bool} else TEXT


def may_be_none(name: str) -> bool:
    """Whether a field of a trial may be None."""
    return name in FIELD_NAMES and NoneType in get_args(FIELDS[name].annotation)


def values_of(frame: pd.DataFrame, name: str) -> list[Any]:
    """A column's values as Python objects, as declared: None for a missing value.

    In float64 columns NaN stays; no field with that type may be None.
    """
    column: Any = frame[name]
    if isinstance(column.dtype, np.dtype):
        return list(column.tolist())
    return list(column.to_numpy(dtype=object, na_value=None).tolist())


def records_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The frame's rows as dictionaries of Python objects."""
    columns = {str(name): values_of(frame, str(name)) for name in frame}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def with_texts(
    frame: pd.DataFrame, names: Iterable[str], text: Callable[[Any], Any]
) -> pd.DataFrame:
    """The frame with ``text`` applied to each value of these columns."""
    changed = frame.copy(deep=False)
    for name in names:
        texts = [text(value) for value in values_of(frame, name)]
        changed[name] = pd.Series(texts, index=frame.index, dtype=STRING)
    return changed


def positive_numbers(values: Iterable[object]) -> list[float] | None:
    """The values as they are if all are finite positive numbers, which have a logarithmic axis."""
    numbers = [
        value
        for value in values
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
    ]
    return numbers if len(numbers) == len(list(values)) else None
