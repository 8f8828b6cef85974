"""Results that were computed with other code or data of the user's own than is here now."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from adaloss.own_code.fingerprints import difference, for_comparison
from adaloss.records.places import Places
from adaloss.records.printable import printable
from adaloss.records.result import TrialResult, TrialState
from adaloss.tasks.images.fingerprints import digest_now, own_of
from adaloss.trial import Trial

WITH_NUMBERS = (TrialState.COMPLETE, TrialState.DIVERGED)


@dataclass(frozen=True, kw_only=True)
class OwnChange:
    """What a field's value stood for when results were computed, against what it stands for now.

    ``changed`` are the trials whose results were computed with something else, ``unrecorded`` those
    of which it is not on record, ``gone`` those of which it is not here now; ``what`` are the files
    that differ.
    """

    field: str
    name: str
    changed: tuple[Trial, ...]
    unrecorded: tuple[Trial, ...]
    gone: tuple[Trial, ...]
    what: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """What a person should know, in sentences."""
        if self.changed:
            yield printable(
                f"{self.name}: {', '.join(self.what)} changed after {named(self.changed)} had been "
                "computed"
            )
        if self.gone:
            yield printable(
                f"{self.name}: it is not here, so that {named(self.gone)} cannot be compared with "
                "what it is now"
            )
        if self.unrecorded:
            yield printable(
                f"{self.name}: it is not on record with which version of it "
                f"{named(self.unrecorded)} had been computed"
            )


def own_changes(
    trials: Collection[Trial], results: Mapping[str, TrialResult], places: Places
) -> tuple[OwnChange, ...]:
    """What changed of all that these trials name of the user's own; nothing where nothing did."""
    users: dict[tuple[str, str], list[Trial]] = {}
    for trial in trials:
        result = results.get(trial.trial_id)
        if result is not None and result.state in WITH_NUMBERS:
            for own in own_of(trial).items():
                users.setdefault(own, []).append(trial)
    found = (
        change_of(field, name, using, results, places) for (field, name), using in users.items()
    )
    return tuple(change for change in found if change.changed or change.unrecorded or change.gone)


def change_of(
    field: str,
    name: str,
    using: list[Trial],
    results: Mapping[str, TrialResult],
    places: Places,
) -> OwnChange:
    """The results of these trials against what is here now."""
    now = digest_now(field, name, places)
    gone: list[Trial] = []
    changed: list[Trial] = []
    unrecorded: list[Trial] = []
    what: dict[str, None] = {}
    for trial in using:
        fingerprint = results[trial.trial_id].fingerprint
        recorded = fingerprint.of(field) if fingerprint else None
        if recorded is None:
            unrecorded.append(trial)
        elif (current := for_comparison(recorded, now, places)) is None:
            gone.append(trial)
        elif differing := difference(recorded, current):
            changed.append(trial)
            what |= dict.fromkeys(differing)
    return OwnChange(
        field=field,
        name=name,
        changed=tuple(changed),
        unrecorded=tuple(unrecorded),
        gone=tuple(gone),
        what=tuple(what),
    )


def named(trials: tuple[Trial, ...]) -> str:
    """How many results these are, and the first of them."""
    more = ", …" if len(trials) > 1 else ""
    results = "1 result" if len(trials) == 1 else f"{len(trials)} results"
    return f"{results} ({trials[0].readable_name}{more})"
