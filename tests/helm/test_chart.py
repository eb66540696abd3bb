"""The chart, rendered by the real Helm 3 and Helm 4 and read as Kubernetes would read it."""

import json
import tomllib
from collections.abc import Callable
from math import ceil
from pathlib import Path

import pytest
import yaml

from connector.config import Role, Settings, secret_files
from connector.config.librdkafka import SECRET
from connector.service.delivery import COMMIT_S
from connector.service.ingress import DRAIN_S, FLUSH_S
from tests.helm.rendering import (
    CHART,
    FULL,
    NAME,
    NEWEST_KUBERNETES,
    OLDEST_KUBERNETES,
    OPERATORS,
    RELEASE,
    RESERVE_S,
    ROLES,
    ROOT,
    SMALLEST,
    Objects,
    container_of,
    pod_of,
    render,
    run,
    settings_of,
)


def test_both_helms_find_nothing_to_say(helm3: Path, helm4: Path, values: Path) -> None:
    """``helm lint --strict`` passes in both major versions."""
    for helm in (helm3, helm4):
        done = run(helm, "lint", "--strict", str(CHART), "--values", str(values))
        assert done.returncode == 0, done.stdout + done.stderr


def test_both_helms_render_the_same_objects(helm3: Path, helm4: Path, values: Path) -> None:
    """An installation does not depend on the major version of Helm."""
    assert render(helm3, values) == render(helm4, values)


@pytest.mark.parametrize("version", [OLDEST_KUBERNETES, NEWEST_KUBERNETES])
def test_kubernetes_knows_every_field(objects: Objects, complaints: Callable[[str, str], str], version: str) -> None:
    """Every object is valid against the strict schemas of the oldest and the newest Kubernetes."""
    assert complaints(yaml.safe_dump_all(objects.values()), version) == ""


@pytest.mark.parametrize(
    ("values", "right", "wrong"),
    [
        (SMALLEST, "readinessProbe", "readynessProbe"),
        (SMALLEST, "maxUnavailable: 1", "maxUnavailable: [1]"),
        (SMALLEST, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: 'yes'"),
        (SMALLEST, "targetPort", "toPort"),
        (SMALLEST, "kind: PodDisruptionBudget", "kind: PodDisruptionBudgets"),
        (FULL, "averageUtilization: 50", "averageUtilization: half"),
        (FULL, "pathType: Exact", "pathKind: Exact"),
        (FULL, "policyTypes", "policies"),
        (OPERATORS, "maxReplicaCount", "maxReplicas"),
        (OPERATORS, "podMetricsEndpoints", "endpoints"),
        (OPERATORS, "alert: WhatsAppIngressSlow", "alarm: WhatsAppIngressSlow"),
        (OPERATORS, "parentRefs", "parents"),
    ],
)
def test_a_planted_mistake_is_found_by_the_schemas(
    helm4: Path, complaints: Callable[[str, str], str], values: Path, right: str, wrong: str
) -> None:
    """The check of the objects is not blind: a wrong field, type or kind is reported."""
    manifests = yaml.safe_dump_all(render(helm4, values).values())
    assert right in manifests
    assert complaints(manifests.replace(right, wrong), NEWEST_KUBERNETES) != ""


REFUSED = (
    "config.kafka.common.bootstrap\\.servers=",
    "config.kafka.common.sasl\\.password=hunter2",
    "config.kafka.producer.ssl\\.key\\.password=hunter2",
    "config.kafca.common.client\\.id=x",
    "config.numbers[0].phone_number_id=106540352242922",
    "config.admin.port=99999",
    "config.ingress.verify_token_file=verify-token",
    "config.cloud_api.access_token_file=null",
    "config.delivery.session_timeout_s=1",
    "secrets.webhook=",
    "ingress.replica=3",
    "ingress.replicas=two",
    "delivery.podDisruptionBudget.maxUnavailable=0",
    "image.digest=latest",
    "image.pullPolicy=Sometimes",
    "service.type=Loadbalancer",
    "delivry.enabled=false",
    "valueFormat=",
    "valueFormat=json",
    "topics.create=strimzi",
    "topics.slots=0",
    "publicIngress.enabled=true",
    "httpRoute.enabled=true",
    "delivery.autoscaling.enabled=true",
    "ingress.autoscaling.maxReplicas=0",
    "ingress.autoscaling.unusedMax=1",
    "podMonitor.interval=often",
    "networkPolicy.admin=true",
)
"""Values that no installation may have, each with one mistake."""


@pytest.mark.parametrize("mistake", REFUSED)
def test_a_wrong_value_is_refused_by_both_helms(helm3: Path, helm4: Path, mistake: str) -> None:
    """A misspelled key, a wrong type, an impossible figure or an inline secret stops the installation."""
    for helm in (helm3, helm4):
        done = run(helm, "template", RELEASE, str(CHART), "--values", str(SMALLEST), "--set", mistake)
        assert done.returncode != 0, mistake
        assert "schema" in done.stderr


def test_the_connector_accepts_its_configuration(objects: Objects, values: Path, tmp_path: Path) -> None:
    """The ConfigMap is a configuration without a fault and says what the values said."""
    settings = settings_of(objects, tmp_path)
    asked = yaml.safe_load(values.read_text())["config"]
    assert settings.kafka.common == asked["kafka"]["common"]
    assert settings.ingress.port == asked.get("ingress", {}).get("port", 8080)


def test_every_secret_a_role_reads_is_mounted_there(objects: Objects, role: Role, tmp_path: Path) -> None:
    """Each secret file of a role's configuration lies in a folder that its Pod mounts from a Secret."""
    volumes = {volume["name"]: volume for volume in pod_of(objects, role)["spec"]["volumes"]}
    mounts = container_of(objects, role)["volumeMounts"]
    folders = {mount["mountPath"] for mount in mounts if "secret" in volumes[mount["name"]]}
    files = [use.file for use in secret_files(settings_of(objects, tmp_path), role)]
    assert files
    assert {str(file.parent) for file in files} <= folders


def test_a_role_sees_no_secret_of_the_other(objects: Objects) -> None:
    """The access token stays away from the port that the internet reaches, the app secret away from delivery."""
    names = {
        role: {
            volume["secret"]["secretName"] for volume in pod_of(objects, role)["spec"]["volumes"] if "secret" in volume
        }
        for role in ROLES
    }
    assert "whatsapp-cloud-api" not in names["ingress"]
    assert "whatsapp-webhook" not in names["delivery"]


def test_ports_probes_and_arguments_fit_the_configuration(objects: Objects, role: Role, tmp_path: Path) -> None:
    """A role runs its command on the mounted file, and is probed on the admin port of that file."""
    settings = settings_of(objects, tmp_path)
    container = container_of(objects, role)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    expected = {"admin": settings.admin.port}
    assert ports == (expected | {"http": settings.ingress.port} if role == "ingress" else expected)
    assert container["args"] == [role, "--config", "/etc/connector/config.yaml"]
    assert container["livenessProbe"]["httpGet"] == {"path": "/livez", "port": "admin"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "admin"}


def test_the_service_reaches_the_pods_of_ingress_only(objects: Objects) -> None:
    """The Service's selector fits the labels of ingress and not those of delivery; its port leads to the webhooks."""
    service = objects["Service", f"{NAME}-ingress"]["spec"]
    chosen = {
        role: service["selector"].items() <= pod_of(objects, role)["metadata"]["labels"].items() for role in ROLES
    }
    assert chosen == {"ingress": True, "delivery": False}
    assert [port["targetPort"] for port in service["ports"]] == ["http"]


def test_selectors_of_the_roles_do_not_meet(objects: Objects) -> None:
    """Each Deployment and each disruption budget picks the Pods of its own role and no others."""
    for (kind, name), item in objects.items():
        if kind in {"Deployment", "PodDisruptionBudget"}:
            selector = item["spec"]["selector"]["matchLabels"].items()
            picked = [role for role in ROLES if selector <= pod_of(objects, role)["metadata"]["labels"].items()]
            assert [f"{NAME}-{role}" for role in picked] == [name]


def test_pods_ask_for_nothing_a_restricted_namespace_denies(objects: Objects, role: Role) -> None:
    """No root, privilege or capability, nothing writable, no token of the cluster, no variables of other Services."""
    pod = pod_of(objects, role)["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert container_of(objects, role)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container_of(objects, role)["resources"].keys() == {"requests", "limits"}


def test_each_role_gets_the_time_its_budgets_need(objects: Objects, tmp_path: Path) -> None:
    """Between SIGTERM and SIGKILL there is room for every budget of the shutdown, and 5 s in reserve."""
    grace = {role: pod_of(objects, role)["spec"]["terminationGracePeriodSeconds"] for role in ROLES}
    pre_stop_s = container_of(objects, "ingress")["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert grace["ingress"] == pre_stop_s + DRAIN_S + FLUSH_S + RESERVE_S
    assert grace["delivery"] == ceil(settings_of(objects, tmp_path).delivery.drain_s) + COMMIT_S + RESERVE_S


def test_a_longer_drain_budget_lengthens_the_grace_period(helm4: Path) -> None:
    """The grace period follows the budget, whether the session or the budget itself is configured."""

    def grace(*settings: str) -> int:
        return int(pod_of(render(helm4, SMALLEST, *settings), "delivery")["spec"]["terminationGracePeriodSeconds"])

    assert grace() == 12 + 20
    assert grace("config.delivery.session_timeout_s=90") == 23 + 20
    assert grace("config.delivery.drain_s=7.5") == 8 + 20


def test_a_changed_configuration_rolls_the_pods_and_nothing_else_does(helm4: Path, role: Role) -> None:
    """The Pods' checksum follows the configuration, not the number of replicas."""

    def checksum(*settings: str) -> str:
        annotations = pod_of(render(helm4, SMALLEST, *settings), role)["metadata"]["annotations"]
        return str(annotations["checksum/config"])

    assert checksum() == checksum("ingress.replicas=5", "delivery.replicas=5")
    assert checksum() != checksum("config.telemetry.log_level=debug")


@pytest.mark.parametrize(("off", "stays"), [("ingress", "delivery"), ("delivery", "ingress")])
def test_a_role_can_live_alone(helm4: Path, off: str, stays: str) -> None:
    """A role that is off leaves no object behind, and the other keeps all of its own."""
    everything = render(helm4, SMALLEST)
    rest = render(helm4, SMALLEST, f"{off}.enabled=false")
    assert {name for _, name in everything} - {name for _, name in rest} == {f"{NAME}-{off}"}
    assert ("Deployment", f"{NAME}-{stays}") in rest


def test_big_whole_numbers_stay_whole(helm4: Path, tmp_path: Path) -> None:
    """Helm reads numbers as floats; a size in bytes still reaches librdkafka digit by digit."""
    settings = settings_of(render(helm4, FULL), tmp_path)
    assert settings.kafka.common["message.max.bytes"] == 8_388_608
    assert "8388608" in render(helm4, FULL)["ConfigMap", NAME]["data"]["config.yaml"]


def test_the_chart_names_the_version_of_the_connector() -> None:
    """The image that the chart runs by default is the release that the chart belongs to."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert chart["appVersion"] == project["version"]


def test_the_schema_knows_the_sections_and_secrets_of_the_connector() -> None:
    """A section or a secret property that the connector learns has to be added to the chart's schema."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert schema["properties"]["config"]["properties"].keys() == Settings.model_fields.keys()
    assert set(schema["definitions"]["librdkafka"]["propertyNames"]["not"]["enum"]) == SECRET
