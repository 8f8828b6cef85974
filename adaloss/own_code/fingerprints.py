"""Compare the user's own code, data and weights with the digests in a record.

A trial's id contains the names of the user's model, image folder and weights. What a name refers
to can change, so every result records digests of it.
"""

from collections.abc import Iterable

from adaloss.own_code.modules import OwnCodeError, find_own_module
from adaloss.own_code.source_digests import code_digests, digests_of_files, with_loaded
from adaloss.records.places import Places
from adaloss.records.result import Digest, Fingerprint


def code_digest(model: str, places: Places) -> dict[str, str]:
    """The digests of the files that define the model's function, by file name.

    Raises:
        OwnCodeError: there is no such module.
    """
    name = model.partition(":")[0]
    found = find_own_module(name, places.own_folders)
    if found is None:
        raise OwnCodeError(f"there is no module {name}")
    return code_digests(found)


def with_loaded_code(
    fingerprint: Fingerprint, fields: Iterable[str], places: Places
) -> Fingerprint:
    """The fingerprint with every file that this process imported from the user's folders.

    ``fields`` are those that name code of the user's own: each gets all of the files.
    """
    return fingerprint.model_copy(
        update={
            field: with_loaded(getattr(fingerprint, field) or {}, places.own_folders)
            for field in fields
        }
    )


def for_comparison(recorded: Digest, now: Digest | None, places: Places) -> Digest | None:
    """The current digest, extended by files that only the record names, such as later imports."""
    if recorded == {} and now is None:
        # The program was no file of the user's then, either.
        return {}
    if isinstance(recorded, str) or now is None or isinstance(now, str):
        return now
    others = [name for name in recorded if name not in now]
    return now | digests_of_files(others, places.own_folders)


def difference(recorded: Digest, now: Digest) -> tuple[str, ...]:
    """The files of code that differ from a record; for images and weights only that they do."""
    if isinstance(recorded, str) or isinstance(now, str):
        return () if recorded == now else ("its files",)
    return tuple(name for name in recorded if recorded[name] != now.get(name))


def changed(recorded: Fingerprint, now: Fingerprint, places: Places) -> bool:
    """Whether anything differs from a record; a digest that the record lacks counts as changed."""
    for field in Fingerprint.model_fields:
        before, after = recorded.of(field), now.of(field)
        if before is None and after is None:
            continue
        after = for_comparison(before, after, places) if before is not None else after
        if before is None or after is None or difference(before, after):
            return True
        if not before and after:
            return True
    return False
