"""`python -m zmey` is `zmey`."""

from zmey.cli import main

main()
