"""What a RayJob asks for, and the mistakes in it."""

import re
from dataclasses import dataclass

from adaloss.errors import UserError
from adaloss.records.places import is_storage_url

# KubeRay derives the names of services from the job's, and refuses longer ones.
LONGEST_NAME = 47
NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
# Of objects that are there, Kubernetes' own rule.
LONGEST_NAME_THERE = 253
NAME_THERE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
# A number alone is bytes.
MEMORY = re.compile(r"[1-9]\d*(\.\d+)?([kMGT]|[KMGT]i)|[1-9]\d{8,}")
# KubeRay passes the entry point through two shells, of which one removes quotes.
ONE_WORD = re.compile(r"[\w@%+=:,./-]+")


@dataclass(frozen=True, kw_only=True)
class KubernetesJob:
    """The resources and the options of a RayJob.

    ``storage`` is the URL of the results, or ``claim`` the persistent volume claim that they are
    written to. ``memory`` is that of each pod; ``secret`` has the variables with credentials.
    ``retries`` is how often a new cluster continues the sweep if the job fails.

    Raises:
        UserError: an option is not one that Kubernetes or the job can use.
    """

    name: str
    image: str
    workers: int = 1
    cpus_per_worker: int = 1
    gpus_per_worker: int = 0
    memory: str = "8Gi"
    storage: str | None = None
    claim: str | None = None
    secret: str | None = None
    retries: int = 3

    def __post_init__(self) -> None:
        """Check every option."""
        if not (NAME.fullmatch(self.name) and len(self.name) <= LONGEST_NAME):
            raise UserError(
                f"--job-name {self.name!r}: write at most {LONGEST_NAME} small letters, digits "
                "and hyphens, beginning with a letter"
            )
        for option, name in (("--claim", self.claim), ("--secret", self.secret)):
            if name is None or (NAME_THERE.fullmatch(name) and len(name) <= LONGEST_NAME_THERE):
                continue
            raise UserError(
                f"{option} {name!r}: write the name of one that is there: small letters, digits, "
                "hyphens and dots"
            )
        if not re.fullmatch(r"[^\s\"'$`\\]+", self.image):
            raise UserError(f"--image {self.image!r}: write the image's name and tag")
        if not MEMORY.fullmatch(self.memory):
            raise UserError(f"--memory {self.memory}: write the memory of a pod, such as 16Gi")
        if (self.storage is None) == (self.claim is None):
            raise UserError(
                "the pods are removed at the end, so the results must be kept elsewhere: write "
                "--storage s3://bucket/path, or --claim with the name of a persistent volume claim"
                f"{'' if self.storage is None else ', not both'}"
            )
        if self.storage is not None and not is_storage_url(self.storage):
            raise UserError(
                f"--storage {self.storage}: the pods do not see a folder of this machine: write a "
                "URL such as s3://bucket/path, or --claim with the name of a persistent volume "
                "claim"
            )
        if self.storage is not None and not ONE_WORD.fullmatch(self.storage):
            raise UserError(
                f"--storage {self.storage}: the URL of a job may have letters, digits and "
                "@ % + = : , . / - _ only"
            )


def name_of(sweep: str) -> str:
    """The name of a sweep as Kubernetes takes it."""
    name = re.sub(r"[^a-z0-9]+", "-", sweep.lower()).lstrip("-0123456789")
    return name[:LONGEST_NAME].rstrip("-") or "sweep"
