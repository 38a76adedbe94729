"""Commands. They read arguments and print; what they do is in the rooms below."""
