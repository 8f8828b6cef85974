"""Whether the user's own code, data and weights are what they were when a result was recorded.

A trial names the user's model, image folder and weights, and its id is made of these names. What
a name stands for can change: every result therefore records digests of it.
"""

from adaloss.own_code.modules import (
    OwnCodeError,
    code_digests,
    digests_of_files,
    find_own_module,
    loaded_digests,
)
from adaloss.records.places import Places
from adaloss.records.result import Digest, Fingerprint


def code_digest(model: str, places: Places) -> dict[str, str]:
    """The digests of the files that the model's function is made of, by their names.

    Raises:
        OwnCodeError: there is no such module.
    """
    name = model.partition(":")[0]
    found = find_own_module(name, places.own_folders)
    if found is None:
        raise OwnCodeError(f"there is no module {name}")
    return code_digests(found)


def with_loaded_code(fingerprint: Fingerprint, places: Places) -> Fingerprint:
    """The fingerprint with every file of the user's folders that this process has imported."""
    if fingerprint.model is None:
        return fingerprint
    loaded = loaded_digests(places.own_folders)
    return fingerprint.model_copy(update={"model": fingerprint.model | loaded})


def for_comparison(recorded: Digest, now: Digest | None, places: Places) -> Digest | None:
    """The digest of now with the files that a record names besides, such as those loaded later."""
    if isinstance(recorded, str) or now is None or isinstance(now, str):
        return now
    others = [name for name in recorded if name not in now]
    return now | digests_of_files(others, places.own_folders)


def difference(recorded: Digest, now: Digest) -> tuple[str, ...]:
    """What of a record changed: files of code by name; of images and weights just that they did."""
    if isinstance(recorded, str) or isinstance(now, str):
        return () if recorded == now else ("its files",)
    return tuple(name for name in recorded if recorded[name] != now.get(name))


def changed(recorded: Fingerprint, now: Fingerprint, places: Places) -> bool:
    """Whether anything of a record is not what it was; what it does not have is unknown."""
    for field in Fingerprint.model_fields:
        before, after = recorded.of(field), now.of(field)
        if before is None and after is None:
            continue
        after = for_comparison(before, after, places) if before is not None else after
        if before is None or after is None or difference(before, after):
            return True
    return False
