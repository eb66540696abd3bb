"""Everything the simulated business has: what the API decides by, and what the switches change."""

from random import Random

from connector.simulator.accounts import Accounts
from connector.simulator.media import MediaStore
from connector.simulator.numbers import Numbers
from connector.simulator.people import People
from connector.simulator.settings import Settings
from connector.simulator.templates import Templates
from connector.simulator.tokens import Tokens
from connector.simulator.usage import Usage


class Business:
    """One business portfolio with its app.

    Args:
        settings: how it starts.
        random: source of ids.
        now_ms: of the start, milliseconds since the Unix epoch.
    """

    def __init__(self, settings: Settings, random: Random, now_ms: int) -> None:
        self.accounts = Accounts(settings.accounts, settings.business_id)
        self.numbers = Numbers(settings.numbers, create=settings.creates_numbers, accounts=self.accounts)
        self.tokens = Tokens(settings.access_tokens, settings.tokens, now_ms)
        self.templates = Templates(settings.templates)
        self.media = MediaStore(settings.media, random)
        self.people = People()
        self.usage = Usage(settings.usage, settings.business_id, settings.usage_percent)
