"""`python -m shakeproof`."""

from shakeproof.cli import run

if __name__ == "__main__":
    run()
