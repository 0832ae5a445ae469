"""The command `lamina`, also as `python -m lamina`.

It catches Ctrl-C before anything else is loaded, which takes a while.
"""

import sys


def main() -> int:
    """Run the command line; returns the exit code."""
    try:
        from lamina.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        print("lamina: interrupted before anything was done.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
