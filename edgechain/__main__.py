"""``python -m edgechain`` is `edgechain`."""

from edgechain.cli import main

if __name__ == "__main__":
    main()
