"""`python -m instream.cli` is `instream`, where that is not on the path."""

from instream.cli.app import main

main()
