"""A frame as arrays with named axes, for those who have xarray."""

from typing import TYPE_CHECKING

import pandas as pd

from adaloss.errors import UserError
from analysis.frame.column_types import OBJECT, values_of
from analysis.frame.frame import task_in

if TYPE_CHECKING:
    import xarray


def to_xarray(frame: pd.DataFrame) -> "xarray.Dataset":
    """The results of :func:`analysis.load` with an axis for each field that varies, and the seed.

    Every number of the frame is an array (NaN where there is no trial), and so is ``state``. On an
    axis None is "none". The fields that all trials share are attributes.

    Raises:
        UserError: xarray is not installed.
    """
    try:
        import xarray  # noqa: F401
    except ImportError:
        raise UserError(
            "xarray is not installed: install adaloss-sweep[xarray], or xarray itself"
        ) from None
    distinct = frame.drop_duplicates("trial_id").copy()
    fields = [name for name in task_in(frame).field_names if name in frame]
    values = {name: list(dict.fromkeys(values_of(distinct, name))) for name in fields}
    axes = [name for name in fields if len(values[name]) > 1 or name == "seed"]
    for name in axes:
        if None in values[name]:
            # A missing value has no place on an axis, and would be written over another.
            word = "none" if "none" not in values[name] else "no value"
            named = [word if value is None else value for value in values_of(distinct, name)]
            distinct[name] = pd.Series(named, index=distinct.index, dtype=OBJECT)
    numbers = distinct.drop(columns=fields).select_dtypes("number").columns
    arrays = distinct.set_index(axes)[["state", *numbers]].to_xarray()
    shared = {name: values[name][0] for name in fields if name not in axes}
    return arrays.assign_attrs({name: value for name, value in shared.items() if value is not None})
