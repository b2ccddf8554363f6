"""Changes that were made before: `queue` takes other people's, `combine` the near misses of the run."""
