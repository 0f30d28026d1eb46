"""``python -m polygon_assets.cli``: the command line where the script is not on the PATH."""

from polygon_assets.cli.app import main

if __name__ == "__main__":
    main()
