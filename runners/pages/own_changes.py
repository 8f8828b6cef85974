"""Results that were computed with another version of the user's own code or data."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from adaloss.own_code.fingerprints import difference, for_comparison
from adaloss.records.places import Places
from adaloss.records.printable import printable
from adaloss.records.result import TrialResult, TrialState
from adaloss.tasks.fingerprints import digest_now, is_of_this, own_of
from adaloss.trial import Trial

WITH_NUMBERS = (TrialState.COMPLETE, TrialState.DIVERGED)


@dataclass(frozen=True, kw_only=True)
class OwnChange:
    """A change of the code or data that a field's value names.

    ``changed`` are the trials whose results were computed with another version, ``unrecorded``
    those without a recorded version, and ``gone`` those whose code or data do not exist here;
    ``what`` lists the files that differ.
    """

    field: str
    name: str
    changed: tuple[Trial, ...]
    unrecorded: tuple[Trial, ...]
    gone: tuple[Trial, ...]
    what: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """The change in sentences."""
        if self.changed:
            yield printable(
                f"{self.name}: {', '.join(self.what)} changed after the computation of "
                f"{named(self.changed)}"
            )
        if self.gone:
            yield printable(
                f"{self.name}: it does not exist here, so {named(self.gone)} cannot be compared "
                "with its current version"
            )
        if self.unrecorded:
            yield printable(
                f"{self.name}: the version used for {named(self.unrecorded)} is not recorded"
            )


def own_changes(
    trials: Collection[Trial], results: Mapping[str, TrialResult], places: Places
) -> tuple[OwnChange, ...]:
    """The changes of the user's own code and data that these trials use."""
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
    """Compare the results of these trials with the current version."""
    now = digest_now(field, name, places)
    gone: list[Trial] = []
    changed: list[Trial] = []
    unrecorded: list[Trial] = []
    what: dict[str, None] = {}
    for trial in using:
        fingerprint = results[trial.trial_id].fingerprint
        recorded = fingerprint.of(field) if fingerprint else None
        if recorded is None or not is_of_this(field, name, recorded, now):
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
    """The number of results, and the name of the first."""
    more = ", …" if len(trials) > 1 else ""
    results = "1 result" if len(trials) == 1 else f"{len(trials)} results"
    return f"{results} ({trials[0].readable_name}{more})"
