"""Meta's error codes on a send, as data: what each means for the command, the pair, the number or the account.

Codes, titles and meanings: Meta, Cloud API error codes, 2026-09-11, and for 803 its OpenAPI description v23.0; the
treatment is our judgement. HTTP statuses are not part of the table: Meta asks to act on the code, and dropped the HTTP
column from the page in September 2026.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class Treatment(StrEnum):
    """What a code asks for."""

    RETRY = "retry"
    """Back off and send the same message again; costs an attempt."""
    RETRY_ONCE = "retry_once"
    """One more try, then final: the cause is sometimes a passing one."""
    RETRY_SLOWLY = "retry_slowly"
    """Meta's own cure takes minutes (a template that is still being synchronised); costs an attempt."""
    PAIR_LIMIT = "pair_limit"
    """This recipient only, 4^X seconds."""
    NUMBER_LIMIT = "number_limit"
    """This number sends too fast."""
    NUMBER_REST = "number_rest"
    """This number is being upgraded and rests about a minute."""
    APP_LIMIT = "app_limit"
    """All numbers of the app, or of the WhatsApp business account, slow down."""
    STOPPED = "stopped"
    """Token, account, payment or registration: nothing of this number leaves until somebody mends it."""
    UNDELIVERABLE = "undeliverable"
    """Final, because of the recipient."""
    REFUSED = "refused"
    """Final, because of the message or the business."""


class ErrorRule(NamedTuple):
    """One row: ``code`` as Meta sends it, a short title, the treatment."""

    code: int
    title: str
    treatment: Treatment


_T = Treatment

RULES: Final[tuple[ErrorRule, ...]] = (
    ErrorRule(0, "App user could not be authenticated", _T.STOPPED),
    ErrorRule(1, "Unknown API error", _T.RETRY),
    ErrorRule(2, "API service down or overloaded", _T.RETRY),
    ErrorRule(3, "API method: capability or permission", _T.STOPPED),
    ErrorRule(4, "Too many calls of the app", _T.APP_LIMIT),
    ErrorRule(10, "Permission denied", _T.STOPPED),
    ErrorRule(17, "Too many calls of the user", _T.APP_LIMIT),
    ErrorRule(32, "Too many calls of the page", _T.APP_LIMIT),
    ErrorRule(33, "Number does not exist or is not permitted", _T.STOPPED),
    ErrorRule(100, "Invalid parameter", _T.REFUSED),
    ErrorRule(102, "Session invalid", _T.STOPPED),
    ErrorRule(104, "Token missing", _T.STOPPED),
    ErrorRule(190, "Token invalid or expired", _T.STOPPED),
    ErrorRule(368, "Account restricted for a policy violation", _T.STOPPED),
    ErrorRule(470, "Customer service window closed", _T.REFUSED),
    ErrorRule(471, "Spam rate limit", _T.STOPPED),
    ErrorRule(613, "Calls exceed the rate limit", _T.APP_LIMIT),
    ErrorRule(803, "Number does not exist or was deleted", _T.STOPPED),
    ErrorRule(80007, "Business account rate limit", _T.APP_LIMIT),
    ErrorRule(80008, "Business account management rate limit", _T.APP_LIMIT),
    ErrorRule(130403, "Business has blocked this user", _T.UNDELIVERABLE),
    ErrorRule(130429, "Throughput of the number reached", _T.NUMBER_LIMIT),
    ErrorRule(130472, "User is part of an experiment", _T.UNDELIVERABLE),
    ErrorRule(130497, "Business may not message this country", _T.REFUSED),
    ErrorRule(131000, "Something went wrong", _T.RETRY),
    ErrorRule(131005, "Access denied", _T.STOPPED),
    ErrorRule(131008, "Required parameter missing", _T.REFUSED),
    ErrorRule(131009, "Parameter value invalid", _T.REFUSED),
    ErrorRule(131014, "Media link could not be fetched", _T.RETRY_ONCE),
    ErrorRule(131016, "Service unavailable", _T.RETRY),
    ErrorRule(131020, "Group too small", _T.REFUSED),
    ErrorRule(131021, "Recipient is the sender", _T.REFUSED),
    ErrorRule(131026, "Message undeliverable", _T.UNDELIVERABLE),
    ErrorRule(131030, "Recipient not in the allowed list", _T.REFUSED),
    ErrorRule(131031, "Account locked", _T.STOPPED),
    ErrorRule(131037, "Display name not approved", _T.STOPPED),
    ErrorRule(131041, "Group unknown", _T.REFUSED),
    ErrorRule(131042, "Payment problem", _T.STOPPED),
    ErrorRule(131043, "Message expired", _T.REFUSED),
    ErrorRule(131045, "Number not registered properly", _T.STOPPED),
    ErrorRule(131047, "Re-engagement: only a template may open a conversation", _T.REFUSED),
    ErrorRule(131048, "Spam rate limit", _T.STOPPED),
    ErrorRule(131049, "Meta chose not to deliver", _T.UNDELIVERABLE),
    ErrorRule(131050, "User opted out of marketing", _T.UNDELIVERABLE),
    ErrorRule(131051, "Message type not supported", _T.REFUSED),
    ErrorRule(131052, "Media could not be downloaded", _T.REFUSED),
    ErrorRule(131053, "Media could not be uploaded", _T.RETRY_ONCE),
    ErrorRule(131055, "Method not allowed", _T.REFUSED),
    ErrorRule(131056, "Too many messages to this user", _T.PAIR_LIMIT),
    ErrorRule(131057, "Number in maintenance", _T.NUMBER_REST),
    ErrorRule(131062, "Business-scoped user id not supported for this message", _T.REFUSED),
    ErrorRule(131063, "Marketing disabled on this endpoint", _T.REFUSED),
    ErrorRule(131064, "Template classification violations", _T.STOPPED),
    ErrorRule(131207, "Group operation restricted for the account", _T.STOPPED),
    ErrorRule(131208, "Too many group operations", _T.RETRY_SLOWLY),
    ErrorRule(132000, "Template parameter count", _T.REFUSED),
    ErrorRule(132001, "Template does not exist", _T.REFUSED),
    ErrorRule(132005, "Template text too long", _T.REFUSED),
    ErrorRule(132007, "Template policy violated", _T.REFUSED),
    ErrorRule(132008, "Template parameter value", _T.REFUSED),
    ErrorRule(132012, "Template parameter format", _T.REFUSED),
    ErrorRule(132015, "Template paused", _T.REFUSED),
    ErrorRule(132016, "Template disabled", _T.REFUSED),
    ErrorRule(132018, "Template validation", _T.REFUSED),
    ErrorRule(132068, "Flow blocked", _T.REFUSED),
    ErrorRule(132069, "Flow throttled", _T.RETRY_SLOWLY),
    ErrorRule(133004, "Server temporarily unavailable", _T.RETRY),
    ErrorRule(133006, "Number not verified", _T.STOPPED),
    ErrorRule(133010, "Number not registered", _T.STOPPED),
    ErrorRule(134011, "Payment terms not accepted", _T.REFUSED),
    ErrorRule(134100, "Marketing messages only", _T.REFUSED),
    ErrorRule(134101, "Template is being synchronised", _T.RETRY_SLOWLY),
    ErrorRule(134102, "Template unavailable", _T.RETRY),
    ErrorRule(135000, "Generic user error", _T.REFUSED),
    ErrorRule(137000, "Recipient identity changed", _T.REFUSED),
)

BY_CODE: Final = {rule.code: rule for rule in RULES}

PERMISSION_CODES: Final = range(200, 300)
"""A permission is missing: one treatment for the whole block (Meta, error codes, 2026-09-11)."""

OBJECT_MISSING_SUBCODE: Final = 33
"""Code 100 with this subcode is not a bad parameter: the number is gone or not ours (Meta, error codes, 2026-09-11)."""


def rule_for(code: int, subcode: int | None) -> ErrorRule | None:
    """The row of a code, or None when Meta's table has none."""
    if code == 100 and subcode == OBJECT_MISSING_SUBCODE:  # noqa: PLR2004 - Meta's own code
        return BY_CODE[33]
    if code in PERMISSION_CODES:
        return ErrorRule(code, "Permission missing", Treatment.STOPPED)
    return BY_CODE.get(code)
