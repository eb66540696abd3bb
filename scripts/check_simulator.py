"""Check the simulator against a folder of recorded shapes: does it answer as Meta's own examples say?

    python scripts/check_simulator.py FOLDER... [--output json]

A shape is a JSON file. What it is follows from the folder it stands in (``sends``, ``responses``, ``errors``), or else
from its members. Each send is posted to a simulator, with placeholders filled in; it must be accepted, or refused with
a code that Meta documents for sends, and with the very code when the file's name ends in one (``...-131009.json``).
Each response and each error must have the members of the simulator's own, as far as Meta leaves no choice.

Exit code 1 when something does not match, 2 when there is nothing to check.
"""

import argparse
import asyncio
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import httpx

from connector.simulator.server import RunningSimulator, running
from connector.simulator.settings import from_mapping

Kind = Literal["send", "response", "error"]
Outcome = Literal["ok", "mismatch", "skipped"]

NUMBER = "106540352242922"
PHONE = "+16505551234"
SETTINGS = {"numbers": [{"id": NUMBER, "mps": 100_000}], "pair_limit": False, "media": {"check_ids": False}}
FOLDERS: Mapping[str, Kind] = MappingProxyType({"sends": "send", "responses": "response", "errors": "error"})

# Codes that a send may be refused with, and what Meta says they mean (Meta, error codes, 2026-09-11).
DOCUMENTED = MappingProxyType(
    {
        100: "a parameter is missing, misspelt, too long or of the wrong type",
        131008: "a required parameter is missing",
        131009: "a parameter's value is not valid",
        131051: "the message type is not supported",
        131062: "not to be sent to a business-scoped user id",
        132000: "the number of template parameters is not the template's",
        132001: "the template does not exist in this language",
        132012: "a template parameter is of another kind than the template's",
        134100: "this endpoint takes marketing templates only",
    }
)
# Members that the simulator's answer may lack, and may add: Meta's own examples of one thing differ in them.
MAY_LACK = MappingProxyType(
    {
        "success:boolean": "one sample of marketing_messages has it (OpenAPI description v23.0, 2025)",
        "error.error_user_title:string": "for people, by the management API (Graph API, handling errors, 2026)",
        "error.error_user_msg:string": "for people, by the management API (Graph API, handling errors, 2026)",
    }
)
MAY_ADD = MappingProxyType(
    {
        "error.fbtrace_id:string": "left out of short examples",
        "error.is_transient:boolean": "left out of short examples",
        "error.error_data.messaging_product:string": "with details (Meta, error codes, 2026-09-11)",
        "error.error_data.details:string": "with details (Meta, error codes, 2026-09-11)",
    }
)
_CODE_IN_NAME = re.compile(r"-([0-9]{3,6})$")
_PLACEHOLDER = re.compile(r"<[^<>]+>|\{\{[^{}]+\}\}")
_URL_PLACEHOLDER = re.compile(r"<?http\(s\)://[^\s<>]+>?")


class Row(NamedTuple):
    """What became of one shape.

    Attributes:
        file: its path.
        kind: what it is; empty when it is none of ours.
        outcome: matches, does not, or was not looked at.
        detail: why, or with what answer.
    """

    file: str
    kind: str
    outcome: Outcome
    detail: str


def kind_of(path: Path, shape: Any) -> Kind | None:
    """What a shape is: by its folder, or by its members."""
    if path.parent.name in FOLDERS:
        return FOLDERS[path.parent.name]
    if not isinstance(shape, dict):
        return None
    if isinstance(shape.get("error"), dict):
        return "error"
    if "messages" in shape and "messaging_product" in shape:
        return "response"
    return "send" if "messaging_product" in shape else None


def filled(shape: Any) -> Any:
    """A send with something plausible in place of ``<PLACEHOLDER>``, ``{{Placeholder}}`` and ``http(s)://...``."""
    names: dict[str, str] = {}

    def fill(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {_text(name): fill(member, name) for name, member in value.items()}
        if isinstance(value, list):
            return [fill(member, key) for member in value]
        if key == "to" and isinstance(value, str) and _PLACEHOLDER.search(value):
            return PHONE
        return _text(value) if isinstance(value, str) else value

    def _text(text: str) -> str:
        text = _URL_PLACEHOLDER.sub("https://example.com/file", text)
        return _PLACEHOLDER.sub(lambda found: names.setdefault(found[0], f"x{len(names) + 1}"), text)

    return fill(shape)


def members(value: Any, path: str = "") -> Iterator[str]:
    """Every member's path with its JSON type; all items of a list count as one."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from members(member, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for item in value:
            yield from members(item, f"{path}[]")
    else:
        yield f"{path}:{_json_type(value)}"


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "null" if value is None else "string"


def differences(recorded: Any, answered: Any) -> list[str]:
    """Members that one has and the other has not, but for those in which Meta's own examples differ."""
    ours, theirs = set(members(answered)), set(members(recorded))
    lacking = [f"lacks {member}" for member in sorted(theirs - ours) if member not in MAY_LACK]
    return lacking + [f"adds {member}" for member in sorted(ours - theirs) if member not in MAY_ADD]


class Bench:
    """A simulator to compare with.

    Args:
        simulator: served.
        client: of its API, with the right token.
    """

    def __init__(self, simulator: RunningSimulator, client: httpx.AsyncClient) -> None:
        self._simulator = simulator
        self._client = client
        self._successes: list[Any] = []

    async def check(self, path: Path, content: bytes) -> Row:
        """Compare one file."""
        try:
            shape = json.loads(content)
        except ValueError as error:
            return Row(str(path), "", "mismatch", f"is no JSON: {error}")
        kind = kind_of(path, shape)
        if kind is None:
            return Row(str(path), "", "skipped", "neither a send nor a response nor an error")
        check = {"send": self._send, "response": self._response, "error": self._error}[kind]
        outcome, detail = await check(path, shape)
        return Row(str(path), kind, outcome, detail)

    async def _send(self, path: Path, shape: Any) -> tuple[Outcome, str]:
        if isinstance(shape, dict) and "action" in shape and "type" not in shape:
            return "skipped", "for /calls, which the simulator does not serve"
        edge = "marketing_messages" if isinstance(shape, dict) and "product_policy" in shape else "messages"
        answer = await self._client.post(f"/{NUMBER}/{edge}", json=filled(shape))
        error = {} if answer.is_success else answer.json()["error"]
        code = error.get("code", 0)
        told = f"refused with {code}: {_reason(error)}" if error else f"accepted by /{edge}"
        wanted = _CODE_IN_NAME.search(path.stem)
        if wanted is not None and int(wanted[1]) != code:
            return "mismatch", f"{told}; the file's name says {wanted[1]}"
        if error and code not in DOCUMENTED:
            return "mismatch", f"{told}; not documented for sends"
        return "ok", told

    async def _response(self, _path: Path, shape: Any) -> tuple[Outcome, str]:
        found = [differences(shape, answer) for answer in await self._all_successes()]
        nearest = min(found, key=len)
        return ("mismatch", "; ".join(nearest)) if nearest else ("ok", "as the simulator answers")

    async def _all_successes(self) -> list[Any]:
        """Every kind of success there is: to a phone, a user id and a group, of a template and of a receipt."""
        if not self._successes:
            text = {"messaging_product": "whatsapp", "text": {"body": "x"}}
            group = {**text, "type": "text", "recipient_type": "group", "to": "Y2FwaV9ncm91cDox"}
            read = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.x"}
            template = {"type": "template", "template": {"name": "hello", "language": {"code": "en"}}}
            phone, user = {**text, "to": PHONE}, {**text, "recipient": "US.13491208655302741918"}
            for body in (phone, user, group, {**phone, **template}, read):
                answer = await self._client.post(f"/{NUMBER}/messages", json=body)
                self._successes.append(answer.raise_for_status().json())
        return self._successes

    async def _error(self, _path: Path, shape: Any) -> tuple[Outcome, str]:
        error = shape.get("error") if isinstance(shape, dict) else None
        if not isinstance(error, dict) or type(error.get("code")) is not int:
            return "skipped", "has no code"
        found = differences(shape, await self._same_error(error))
        return ("mismatch", "; ".join(found)) if found else ("ok", f"code {error['code']} as the simulator answers")

    async def _same_error(self, error: Mapping[str, Any]) -> Any:
        """The simulator's answer with the code, and with a subcode and details if the recorded one has them."""
        data = error.get("error_data")
        also = {"details": "x"} if isinstance(data, dict) and "details" in data else {}
        fault_id = self._simulator.add_fault(
            "error", http_status=400, code=error["code"], subcode=error.get("error_subcode"), **also
        )
        answer = await self._client.post(f"/{NUMBER}/messages", json={})
        self._simulator.remove_fault(fault_id)
        return answer.json()


def _reason(error: Mapping[str, Any]) -> str:
    data = error.get("error_data")
    return str(data["details"] if isinstance(data, dict) else error["message"])


async def check_all(files: Mapping[Path, bytes]) -> list[Row]:
    """Compare every file's content."""
    async with running(from_mapping(SETTINGS)) as simulator:
        headers = {"Authorization": f"Bearer {simulator.access_token}"}
        url = f"{simulator.base_url}/{simulator.simulator.settings.version}"
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
            bench = Bench(simulator, client)
            return [await bench.check(path, content) for path, content in files.items()]


def told(rows: Sequence[Row]) -> Iterator[str]:
    """The report for people: sums, then each file that is not simply all right."""
    for (kind, outcome), count in sorted(Counter((row.kind or "other", row.outcome) for row in rows).items()):
        yield f"{count:5} {kind}: {outcome}"
    for title, chosen in (
        ("does not match", [row for row in rows if row.outcome == "mismatch"]),
        ("refused, for a documented reason", [row for row in rows if _is_refused(row)]),
    ):
        if chosen:
            yield f"\n{title}:"
        yield from (f"  {row.file}: {row.detail}" for row in chosen)
    skipped = Counter(f"{Path(row.file).parent}: {row.detail}" for row in rows if row.outcome == "skipped")
    if skipped:
        yield "\nskipped:"
    yield from (f"  {count} in {what}" for what, count in skipped.items())


def _is_refused(row: Row) -> bool:
    return row.kind == "send" and row.outcome == "ok" and row.detail.startswith("refused")


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, print, and say by the exit code whether everything matches."""
    parser = argparse.ArgumentParser(description="Check the simulator against folders of recorded shapes.")
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--output", choices=("text", "json"), default="text")
    options = parser.parse_args(arguments)
    paths = sorted(path for folder in options.folders for path in folder.rglob("*.json"))
    rows = asyncio.run(check_all({path: path.read_bytes() for path in paths}))
    if not any(row.kind for row in rows):
        print("no send, response or error was found", file=sys.stderr)
        return 2
    if options.output == "json":
        sums = Counter(f"{row.kind or 'other'} {row.outcome}" for row in rows)
        print(json.dumps({"sums": sums, "shapes": [row._asdict() for row in rows]}, indent=2))
    else:
        print("\n".join(told(rows)))
    return 1 if any(row.outcome == "mismatch" for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
