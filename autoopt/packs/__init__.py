"""Recipe packs of other people: pinned by commit in a lock file, brought as plain files, never run from here.

The lock file belongs to a repository (`.autoopt/packs.lock`, to be committed) or to the user. What a pin
stands for is kept outside of any repository, by its content: no run can change it, no checkout brings its
own, several repositories share it, and a run that goes on after an update still finds its scripts.
"""
