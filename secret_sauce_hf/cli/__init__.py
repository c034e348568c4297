"""`secret-sauce` on the command line, a file per group of commands."""

from secret_sauce_hf.cli.root import main

__all__ = ["main"]
