"""A working run on one screen: drawn by the run itself, and by whoever watches it from another terminal."""
