"""The message templates: which exist, what a send of one is refused for, what the API lists.

Source: Meta, template pages, 2026-03, and error codes, 2026-09-11. While there is no template at all, every name is
taken, so that simple senders need none.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from connector.simulator import fields, ids
from connector.simulator.accounts import Account, health_status
from connector.simulator.errors import Refusal
from connector.simulator.rules import Violation
from connector.simulator.settings_business import Category, Held, Quality, TemplateSettings, TemplateStatus
from connector.simulator.template_forms import form

TEMPLATES_MAX = 10_000
NODE = "WhatsAppBusinessHSM"
DEFAULT_FIELDS = ("name", "parameter_format", "components", "language", "status", "category")

PAUSED = Refusal(132015, "The template is paused because of its low quality, so it cannot be sent.")
DISABLED = Refusal(132016, "The template has been paused too often and is now disabled for good.")


class Template:
    """One template in one language, as it stands now.

    Args:
        settings: how it starts.

    Raises:
        ValueError: its components are not of Meta's shape.
    """

    def __init__(self, settings: TemplateSettings) -> None:
        self.id = ids.template_id(settings.waba_id, settings.name, settings.language)
        self.name = settings.name
        self.language = settings.language
        self.waba_id = settings.waba_id
        self.category: Category = settings.category
        self.status: TemplateStatus = settings.status
        self.quality: Quality = settings.quality
        self.held: Held = settings.held
        self.held_s = settings.held_ms / 1000
        self.components = settings.components
        self.form = form(settings.components)

    def refusal(self, content: Mapping[str, Any]) -> Refusal | None:
        """Why a send with this ``template`` member is refused, if so."""
        if self.status == "PAUSED":
            return PAUSED
        if self.status == "DISABLED":
            return DISABLED
        if self.status != "APPROVED":
            return _missing(self.name, self.language)
        try:
            self.form.check(content.get("components") or [])
        except Violation as violation:
            return Refusal(violation.code, violation.reason)
        return None

    @property
    def named(self) -> bool:
        """Whether its parameters go by name."""
        return any(not name.isdigit() for name in self.form.header_names + self.form.body_names)

    def fields(self) -> dict[str, Any]:
        """Every field of the template's node."""
        return {
            "name": self.name,
            "parameter_format": "NAMED" if self.named else "POSITIONAL",
            "components": list(self.components),
            "language": self.language,
            "status": self.status,
            "category": self.category,
            "quality_score": {"score": self.quality, "date": 0},
            "rejected_reason": "NONE",
            "id": self.id,
        }

    def read(self, wanted: Iterable[str] | None, account: Account) -> dict[str, Any] | Refusal:
        """The node; ``account`` is the one it belongs to."""
        state = "AVAILABLE" if self.status == "APPROVED" else "BLOCKED"
        entity = {"entity_type": "MESSAGE_TEMPLATE", "id": self.id, "can_send_message": state}
        health = health_status(account.business_id, [entity, account.health()])
        return fields.chosen({**self.fields(), "health_status": health}, self.id, wanted or DEFAULT_FIELDS, NODE)


class Templates:
    """All templates, by account, name and language.

    Args:
        listed: those known from the start.

    Raises:
        ValueError: components that are not of Meta's shape.
    """

    def __init__(self, listed: Iterable[TemplateSettings]) -> None:
        self._templates: dict[tuple[str, str, str], Template] = {}
        self._by_id: dict[str, Template] = {}
        for settings in listed:
            self.put(settings)

    def __len__(self) -> int:
        return len(self._templates)

    def put(self, settings: TemplateSettings) -> Template | None:
        """Create or replace a template; None when there are too many.

        Raises:
            ValueError: its components are not of Meta's shape.
        """
        key = (settings.waba_id, settings.name, settings.language)
        if key not in self._templates and len(self._templates) >= TEMPLATES_MAX:
            return None
        template = self._templates[key] = Template(settings)
        self._by_id[template.id] = template
        return template

    def by_id(self, template_id: str) -> Template | None:
        """The template with this id."""
        return self._by_id.get(template_id)

    def named(self, name: str, language: str | None = None) -> list[Template]:
        """The templates of a name, in all languages or one."""
        return [t for t in self._templates.values() if t.name == name and language in (None, t.language)]

    def sent(self, account_id: str, content: Mapping[str, Any]) -> Template | Refusal | None:
        """The template that a send names, or why it is refused; None while there is no template at all."""
        if not self._templates:
            return None
        name, language = content["name"], content["language"]["code"]
        template = self._templates.get((account_id, name, language))
        if template is None:
            return _missing(name, language)
        return template.refusal(content) or template

    def page(self, account_id: str, query: Mapping[str, str], url: str) -> dict[str, Any] | Refusal:
        """One page of ``GET /{account}/message_templates``."""
        wanted = fields.names(query["fields"]) if query.get("fields") else DEFAULT_FIELDS
        rows: list[dict[str, Any]] = []
        for template in self._templates.values():
            if template.waba_id == account_id and _fits(template, query):
                row = fields.chosen(template.fields(), template.id, wanted, NODE)
                if isinstance(row, Refusal):
                    return row
                rows.append(row)
        return fields.page(rows, query, url)


def _fits(template: Template, query: Mapping[str, str]) -> bool:
    return (
        query.get("name", "") in template.name
        and query.get("language", template.language) == template.language
        and query.get("status", template.status).upper() == template.status
        and query.get("category", template.category).upper() == template.category
    )


def _missing(name: str, language: str) -> Refusal:
    return Refusal(132001, f"template name ({name[:64]}) does not exist in {language[:16]}")
