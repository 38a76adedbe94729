"""The composition root: settings become objects, here and nowhere else."""

from instream.deploy.rules import refuse_impossible
from instream.deploy.supervision import supervision
from instream.deploy.work import Run, Work
from instream.deploy.worker import Worker, worker_of

__all__ = ["Run", "Work", "Worker", "refuse_impossible", "supervision", "worker_of"]
