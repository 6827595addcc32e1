"""One user mistake a file section, and the exact text that it gets."""
