"""`python -m web.cli`."""

from web.cli.main import main

if __name__ == "__main__":
    main()
