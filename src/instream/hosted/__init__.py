"""A pipeline inside the processes of another engine: one loaded model a process, shared by the tasks there."""

from instream.hosted.hosted import Hosted
from instream.hosted.job import Job, job_of
from instream.hosted.shared import hosted
from instream.hosted.written import Written, written

__all__ = ["Hosted", "Job", "Written", "hosted", "job_of", "written"]
