"""``python -m truffle``: the command line."""

from truffle.cli import main

if __name__ == "__main__":
    main()
