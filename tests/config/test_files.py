"""Secret files are looked at before anything starts."""

from pathlib import Path

import pytest
import yaml

from connector.config import ConfigurationError, Role, Settings, check_files, load, secret_files
from connector.secrets import SECRET_MAX_BYTES


def settings_in(folder: Path) -> Settings:
    """Settings whose secret files are all in one folder."""
    sections = {
        "kafka": {"secret_files": {"sasl.password": f"{folder}/sasl"}},
        "schema_registry": {
            "url": "http://registry",
            "basic_auth_file": f"{folder}/registry",
            "ca_file": f"{folder}/ca",
        },
        "topics": {"conversation_key": "hmac", "conversation_key_secret_file": f"{folder}/key"},
        "ingress": {"verify_token_file": f"{folder}/verify", "app_secret_files": [f"{folder}/app1", f"{folder}/app2"]},
        "cloud_api": {"access_token_file": f"{folder}/token"},
        "numbers": [{"phone_number_id": "1"}, {"phone_number_id": "2", "access_token_file": f"{folder}/token2"}],
    }
    return load(None, {f"CONNECTOR_{name.upper()}": yaml.safe_dump(value) for name, value in sections.items()})


COMMON = {"kafka.secret_files.sasl.password", "schema_registry.basic_auth_file", "schema_registry.ca_file"}
INGRESS = {
    "ingress.verify_token_file",
    "ingress.app_secret_files[0]",
    "ingress.app_secret_files[1]",
    "topics.conversation_key_secret_file",
}
DELIVERY = {"cloud_api.access_token_file", "numbers[1].access_token_file"}


@pytest.mark.parametrize(
    ("role", "paths"),
    [("ingress", COMMON | INGRESS), ("delivery", COMMON | DELIVERY), ("all", COMMON | INGRESS | DELIVERY)],
)
def test_each_role_needs_only_its_own_secrets(tmp_path: Path, role: Role, paths: set[str]) -> None:
    """The ingress holds no access token and delivery no app secret; all that is missing is told at once."""
    with pytest.raises(ConfigurationError) as caught:
        check_files(settings_in(tmp_path), role)
    assert {fault.path for fault in caught.value.faults} == paths
    assert all("No such file" in fault.message for fault in caught.value.faults)


def test_good_files_pass(tmp_path: Path) -> None:
    """Nothing is said when all is well."""
    settings = settings_in(tmp_path)
    for use in secret_files(settings, "all"):
        use.file.write_text("x" * use.bytes_min + "\n", encoding="utf-8")
    check_files(settings, "all")


def test_what_a_file_holds_is_checked_and_never_told(tmp_path: Path) -> None:
    """Empty, a folder, two lines where a token goes, and a key too short to hide anything."""
    settings = settings_in(tmp_path)
    for use in secret_files(settings, "all"):
        use.file.write_text("x" * use.bytes_min, encoding="utf-8")
    (tmp_path / "app1").write_text(" \n", encoding="utf-8")
    (tmp_path / "token").write_text("hunter2\nhunter3\n", encoding="utf-8")
    (tmp_path / "key").write_text("hunter2", encoding="utf-8")
    (tmp_path / "verify").unlink()
    (tmp_path / "verify").mkdir()
    with pytest.raises(ConfigurationError) as caught:
        check_files(settings, "all")
    assert dict(caught.value.faults) == {
        "ingress.verify_token_file": f"{tmp_path}/verify cannot be read (Is a directory); mount it, or name another",
        "ingress.app_secret_files[0]": f"{tmp_path}/app1 is empty; write the secret into it",
        "topics.conversation_key_secret_file": f"{tmp_path}/key holds 7 bytes; write at least 32 random ones into it",
        "cloud_api.access_token_file": f"{tmp_path}/token must hold one line of printable UTF-8 text",
    }
    assert "hunter" not in str(caught.value)


def test_certificates_have_any_size(tmp_path: Path) -> None:
    """A system's bundle of authorities is larger than any secret may be; an empty or missing file stays a fault."""
    bundle, key, none = (tmp_path / name for name in ("bundle", "server", "none"))
    bundle.write_bytes(b"-" * (SECRET_MAX_BYTES + 1))
    key.write_bytes(b"-" * (SECRET_MAX_BYTES + 1))
    none.touch()
    for name in ("verify", "app"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    section = {
        "verify_token_file": f"{tmp_path}/verify", "app_secret_files": [f"{tmp_path}/app"],
        "tls_certificate_file": str(bundle), "tls_key_file": str(key), "client_ca_file": str(bundle),
    }  # fmt: skip
    registry = {"url": "http://registry", "ca_file": str(bundle)}

    def faults() -> dict[str, str]:
        values = {"CONNECTOR_INGRESS": yaml.safe_dump(section), "CONNECTOR_SCHEMA_REGISTRY": yaml.safe_dump(registry)}
        with pytest.raises(ConfigurationError) as caught:
            check_files(load(None, values), "ingress")
        return {fault.path: fault.message.partition(";")[0] for fault in caught.value.faults}

    assert faults() == {"ingress.tls_key_file": f"{key} is larger than {SECRET_MAX_BYTES} bytes"}
    section |= {"client_ca_file": str(none)}
    registry |= {"ca_file": f"{tmp_path}/gone"}
    assert (
        faults().items()
        >= {
            "ingress.client_ca_file": f"{none} is empty",
            "schema_registry.ca_file": f"{tmp_path}/gone cannot be read (No such file or directory)",
        }.items()
    )
