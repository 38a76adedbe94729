"""Write the first pipeline file for a model and a source, from what the records look like."""

from instream.drafting.fields import Found, find_fields, likely_ids
from instream.drafting.file import Given, draft

__all__ = ["Found", "Given", "draft", "find_fields", "likely_ids"]
