"""The processes of a pipeline on Flink: what a test kills."""

from __future__ import annotations

from instream.testing.processes import command_of, descendants

_JVM = "PythonGatewayServer"
_WORKER = "pyflink.fn_execution.beam.beam_boot"


def jvm_of(client: int) -> int:
    """The JVM of a run, by the process id of its client. Raises AssertionError when there is none yet."""
    return _those(client, _JVM)[0]


def python_workers(client: int) -> list[int]:
    """The Python processes in which batches of a run are scored; none before the job runs."""
    return _those(client, _WORKER)


def _those(pid: int, phrase: str) -> list[int]:
    """Descendants whose command line has the phrase; a shell that starts one is not meant."""
    commands = {found: command_of(found) for found in descendants(pid)}
    return [found for found, command in commands.items() if phrase in command and not command.startswith("bash")]
