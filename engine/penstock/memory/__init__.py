"""Static memory planning: how long values live, and where in one block they can be."""
