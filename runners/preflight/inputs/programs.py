"""Whether the user's program and its interpreter exist."""

import shutil
from collections.abc import Iterator

from adaloss.errors import UserError
from adaloss.own_code.modules import find_own_module
from adaloss.records.places import Places
from adaloss.tasks.program.digests import program_path
from adaloss.tasks.program.fields import ProgramTrial
from runners.preflight.finding import Finding, fine, refused
from runners.preflight.planned import Planned

ABOUT = "program"
OTHER_INTERPRETERS = {".sh": "bash", ".R": "Rscript", ".r": "Rscript", ".jl": "julia"}


def programs(planned: Planned) -> Iterator[Finding]:
    """Whether the programs of the trials can be started."""
    places = planned.sweep.places
    trials = [trial for trial in planned.trials if isinstance(trial, ProgramTrial)]
    for program in dict.fromkeys(trial.program for trial in trials):
        yield program_finding(next(t for t in trials if t.program == program), places)
    for python in dict.fromkeys(trial.python for trial in trials if trial.python):
        if shutil.which(python) is None:
            advice = "correct python: in the grid, or leave it out"
            yield refused(ABOUT, f"there is no interpreter {python}", advice)


def program_finding(trial: ProgramTrial, places: Places) -> Finding:
    """Whether the trial's program exists."""
    named = trial.function
    advice = "put it into the grid's folder, or correct program: in the grid"
    if named is not None and not named[0].endswith(".py"):
        if find_own_module(named[0], places.own_folders) is None:
            folders = ", ".join(map(str, places.own_folders))
            found = f"there is no module {named[0]} in {folders} or among the installed packages"
            return refused(ABOUT, found, advice)
        return fine(ABOUT, f"{trial.program}: the module {named[0]} exists")
    if not trial.names_its_program:
        return fine(ABOUT, "the command starts it")
    try:
        path = program_path(trial.program if named is None else named[0], places)
    except UserError as error:
        # A command that is no file of the user's is found where the system has its commands.
        if named is None and shutil.which(trial.program) is not None:
            return fine(ABOUT, f"{trial.program} is a command of this machine")
        return refused(ABOUT, str(error), advice)
    if named is None and path.suffix in OTHER_INTERPRETERS and trial.command is None:
        other = OTHER_INTERPRETERS[path.suffix]
        found = f"{path.name} is no file of Python, which the default command would start"
        return refused(ABOUT, found, f'write command: [{other}, "${{program}}", "${{args}}"]')
    return fine(ABOUT, f"{path} exists")
