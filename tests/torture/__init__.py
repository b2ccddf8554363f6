"""Long runs of the real program on real commands, to see what only they show."""
