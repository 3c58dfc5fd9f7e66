"""A whole book at a time, for who runs it: read through at one instant, copied, backed up, checked."""
