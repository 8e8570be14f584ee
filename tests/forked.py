"""Processes that are there at once: forked from one that has imported what they do.

That one is started once, and it imports what is named before that: so all of it is named here.
"""

import multiprocessing

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    [
        *(
            "fnet.data",
            "pytest",
            "tests.agreeing",
            "tests.https_server",
            "tests.kills",
            "tests.torture.downloads",
        ),
        "tests.torture.saver",
    ]
)
