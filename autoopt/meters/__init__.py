"""How samples are taken."""
