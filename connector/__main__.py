"""Entry point of the ``connector`` command: hands over to :mod:`connector.cli`."""

from connector.cli import main

if __name__ == "__main__":
    main()
