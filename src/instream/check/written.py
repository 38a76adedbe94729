"""What the file alone shows: secrets, delivery, dead letters."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from instream.check.ends import places
from instream.check.finding import Finding, guarded, ok, warning
from instream.deploy.rules import refuse_impossible
from instream.deploy.work import Run
from instream.secrets import plain_secrets, redact_url, resolve, resolve_options
from instream.settings import Pipeline


def check_secrets(settings: Pipeline) -> Iterator[Finding]:
    """References resolve here, and no password stands in the file."""
    count = 0
    urls = {name: url for name, (url, _) in places(settings).items()} | {"model.store": settings.model.store}
    for part, url in urls.items():
        count += "${" in url
        yield from guarded(part, resolve, url, settings.folder)
        if "${" not in url and urlsplit(url).password:
            yield warning(part, f"a password stands in {redact_url(url)}", "write ${env:NAME} or ${file:path} in its place")
    for part, (_, options) in places(settings).items():
        count += sum("${" in str(value) for value in options.values())
        yield from guarded(part, resolve_options, options, settings.folder)
        for key in plain_secrets(options):
            yield warning(f"{part}.options", f"the value of {key} stands in the file", f'write {key} = "${{env:NAME}}" or "${{file:path}}"')
    yield ok("secrets", f"{count} references to secrets" if count else "none are used")


def check_delivery(settings: Pipeline) -> Iterator[Finding]:
    """What the ends promise together."""
    refuse_impossible(settings, Run())
    if settings.dead_letter.url is None:
        yield warning("dead_letter", "no url: the first record that cannot be scored stops the pipeline", 'add [dead_letter] url = "…"')
    said = "exactly once, within one Kafka cluster" if settings.delivery.mode == "exactly_once" else "at least once: a crash repeats some"
    yield ok("delivery", said)
