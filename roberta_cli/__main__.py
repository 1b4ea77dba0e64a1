"""`python -m roberta_cli` is the program `roberta`."""

from roberta_cli.app import main

main()
