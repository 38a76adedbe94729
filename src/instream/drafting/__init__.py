"""Write the first pipeline file for a model and a source, from what the records look like."""

from instream.drafting.fields import Found, find_fields, likely_ids
from instream.drafting.file import Given, draft
from instream.drafting.first import Drafted, first_file, write_new

__all__ = ["Drafted", "Found", "Given", "draft", "find_fields", "first_file", "likely_ids", "write_new"]
