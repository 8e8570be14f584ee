"""`python -m fnet` is `fnet`."""

import sys

from fnet.cli import main

sys.exit(main())
