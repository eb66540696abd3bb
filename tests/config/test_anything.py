"""Whatever is written, the answer is settings or a list of faults."""

import json
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.config import ConfigurationError, Settings, load

KEYS = sorted({key for model in Settings.model_json_schema()["$defs"].values() for key in model["properties"]})
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["auto", "hmac", "a", "https://a", "/p", "1", "", "kafka:9092"])
)
NAMES = st.sampled_from([*Settings.model_fields, *KEYS, "acks", "bootstrap.servers"]) | st.text(max_size=8)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=15
)


@st.composite
def near_misses(draw: st.DrawFn) -> dict[str, Any]:
    """Settings that are good but for a few keys somewhere."""
    tree = json.loads(Settings().model_dump_json())
    for _ in range(draw(st.integers(1, 4))):
        section = tree[draw(st.sampled_from(list(Settings.model_fields)))]
        if isinstance(section, dict):
            section[draw(st.sampled_from(sorted(section)) | NAMES)] = draw(TREES)
        elif isinstance(section, list):
            section.append(draw(TREES))
    return dict(tree)


def settled(path: Path | None, environ: dict[str, str]) -> Settings | None:
    """The settings, or None when there are faults, each with a path and a message."""
    try:
        return load(path, environ)
    except ConfigurationError as error:
        faults = error.faults
    assert faults
    assert all(fault.path and fault.message for fault in faults)
    return None


def check_tree(folder: Path, tree: Any) -> None:
    """Write the tree as YAML, load it, and hold accepted settings to their promises."""
    path = folder / "connector.yaml"
    path.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8", errors="surrogatepass")
    result = settled(path, {})
    if result is not None:
        assert result.delivery.lease_s <= result.delivery.session_timeout_s / 2
        assert all(len(name) <= 249 for name in map(result.topic_names.dead_letters_of, result.topic_names.commands))


RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)


@given(tree=st.dictionaries(NAMES, TREES, max_size=5) | TREES)
@RELAXED
def test_any_tree_is_settings_or_faults(tmp_path: Path, tree: Any) -> None:
    """Maps, lists and scalars in the wrong places never raise anything else."""
    check_tree(tmp_path, tree)


@given(tree=near_misses())
@RELAXED
def test_anything_in_place_of_a_good_value_is_settings_or_faults(tmp_path: Path, tree: dict[str, Any]) -> None:
    """The same, one step away from a good configuration; what is accepted keeps its promises."""
    check_tree(tmp_path, tree)


@given(data=st.binary(max_size=200) | st.text(alphabet='{}[]&*!|>%@:-#"\\ \n\tab1~<,.', max_size=60).map(str.encode))
@RELAXED
def test_any_bytes_are_settings_or_faults(tmp_path: Path, data: bytes) -> None:
    """Whatever a file holds."""
    path = tmp_path / "connector.yaml"
    path.write_bytes(data)
    settled(path, {})


@given(
    environ=st.dictionaries(
        st.lists(NAMES, min_size=1, max_size=3).map(lambda keys: "CONNECTOR_" + "__".join(keys).upper()),
        SCALARS.map(str) | TREES.map(yaml.safe_dump),
        max_size=4,
    )
)
@RELAXED
def test_any_environment_is_settings_or_faults(environ: dict[str, str]) -> None:
    """Whatever variables are set; a variable that names the file is tested elsewhere."""
    environ.pop("CONNECTOR_CONFIG", None)
    settled(None, environ)
