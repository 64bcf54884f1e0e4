"""``python -m offmodel``."""

from offmodel.cli import main

main()
