"""Where settings come from: one YAML file, and environment variables that override single keys of it.

YAML is read as YAML 1.2 reads it, for people's sake: only ``true`` and ``false`` are booleans, ``010`` and ``12:30``
are text, dates are text, and a key that stands twice in one map is a fault instead of a silent last-one-wins.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from connector.config.faults import ConfigurationError, Fault, dotted

FILE_MAX_BYTES = 1_048_576
ENVIRONMENT_PREFIX = "CONNECTOR_"
FILE_VARIABLE = "CONNECTOR_CONFIG"

# Kubernetes puts these into every Pod for a Service whose name starts with "connector"; they are not ours.
_KUBERNETES_LINK = re.compile(r"CONNECTOR(_\w+)?_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)")
_KUBERNETES_PORT = re.compile(r"CONNECTOR(_\w+)?_PORT")
_NODE_URL = re.compile(r"(tcp|udp|sctp)://")
_WHOLE_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FRACTION = re.compile(r"[-+]?[0-9]{1,18}(\.[0-9]{0,18})?([eE][-+]?[0-9]{1,3})?")
_NULLS = {"", "~", "null", "Null", "NULL"}
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


class Override(NamedTuple):
    """One environment variable that replaces one key."""

    variable: str
    keys: tuple[str, ...]
    text: str


def read_file(path: Path) -> dict[str, Any]:
    """The map in a YAML file.

    Raises:
        ConfigurationError: missing, unreadable, over 1 MiB, not UTF-8, not YAML, not a map, or a key stands twice.
    """
    name = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(FILE_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigurationError([Fault(name, f"cannot be read ({reason}); name another with --config")]) from None
    if len(data) > FILE_MAX_BYTES:
        raise ConfigurationError([Fault(name, f"is larger than {FILE_MAX_BYTES} bytes; this is no configuration file")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError([Fault(name, f"is not UTF-8 text (byte {error.start}); save it as UTF-8")]) from None
    root = parse(text, name)
    if root is None:
        return {}
    if not isinstance(root, dict):
        raise ConfigurationError([Fault(name, "must hold a map of sections, such as 'kafka:', at its top level")])
    return root


def parse(text: str, name: str) -> Any:
    """Python values of a YAML text; ``name`` is what faults are reported under.

    Raises:
        ConfigurationError: not YAML, a key twice, a key that is no scalar, or an alias that contains itself.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        faults: list[Fault] = []
        value = _Builder(name, faults).build(node, ()) if node is not None else None
    except yaml.MarkedYAMLError as error:
        raise ConfigurationError([Fault(name, _syntax_message(error))]) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise ConfigurationError([Fault(name, f"is not YAML: {error}".replace("\n", " "))]) from None
    except RecursionError:
        raise ConfigurationError([Fault(name, "is nested too deeply")]) from None
    if faults:
        raise ConfigurationError(faults)
    return value


def _syntax_message(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"is not YAML{where}: {error.problem or error.context}"


class _Builder:
    """Turns YAML nodes into values, each node once, however often an alias names it."""

    def __init__(self, name: str, faults: list[Fault]) -> None:
        self._name = name
        self._faults = faults
        self._open: set[int] = set()
        self._built: dict[int, Any] = {}

    def build(self, node: yaml.Node, keys: tuple[str | int, ...]) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        identity = id(node)
        if identity in self._open:
            self._fault(node, keys, "an alias that contains itself; write the value out")
            return None
        if identity not in self._built:
            self._open.add(identity)
            self._built[identity] = self._collection(node, keys)
            self._open.discard(identity)
        return self._built[identity]

    def _collection(self, node: yaml.Node, keys: tuple[str | int, ...]) -> Any:
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*keys, index)) for index, item in enumerate(node.value)]
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._fault(key_node, keys, "a key must be plain text")
                continue
            key = key_node.value
            if key in result:
                self._fault(key_node, (*keys, key), "stands twice in the same map; keep one")
            result[key] = self.build(value_node, (*keys, key))
        return result

    def _fault(self, node: yaml.Node, keys: tuple[str | int, ...], message: str) -> None:
        self._faults.append(Fault(dotted(keys) or self._name, f"{message} (line {node.start_mark.line + 1})"))


def _scalar(node: yaml.ScalarNode) -> str | int | float | bool | None:
    text: str = node.value
    if node.style is not None:
        return text
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _WHOLE_NUMBER.fullmatch(text):
        return int(text)
    if _FRACTION.fullmatch(text) and not (text.lstrip("+-").isdigit()):
        return float(text)
    return text


def overrides(environ: Mapping[str, str]) -> list[Override]:
    """The variables meant for us, whole sections before single keys, each in the order of its name."""
    found = [
        Override(name, tuple(name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")), text)
        for name, text in environ.items()
        if name.startswith(ENVIRONMENT_PREFIX) and name != FILE_VARIABLE and not _set_by_kubernetes(name, text)
    ]
    return sorted(found, key=lambda override: (len(override.keys), override.variable))


def _set_by_kubernetes(name: str, text: str) -> bool:
    link = _KUBERNETES_LINK.fullmatch(name) or (_KUBERNETES_PORT.fullmatch(name) and _NODE_URL.match(text))
    return "__" not in name and bool(link)
