"""`python -m gpit_fairshare` is `gpit`."""

from gpit_fairshare.cli import main

if __name__ == "__main__":
    main()
