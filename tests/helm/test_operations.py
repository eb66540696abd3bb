"""What the chart makes beside the roles: topics, scaling, the way in, the network, monitoring, tests."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.cli.topics import planned_topics
from connector.telemetry.dashboard import dashboard
from tests.helm.rendering import (
    CHART,
    FULL,
    NAME,
    OPERATORS,
    RELEASE,
    ROLES,
    SMALLEST,
    Objects,
    pod_of,
    render,
    run,
    settings_of,
)


@pytest.fixture
def full(helm4: Path) -> Objects:
    """The installation with everything that Kubernetes itself has."""
    return render(helm4, FULL)


@pytest.fixture
def operators(helm4: Path) -> Objects:
    """The installation that leaves things to operators."""
    return render(helm4, OPERATORS)


def of_kind(objects: Objects, kind: str) -> list[dict[str, Any]]:
    """All objects of a kind."""
    return [item for (found, _), item in objects.items() if found == kind]


def only(objects: Objects, kind: str) -> dict[str, Any]:
    """The one object of a kind."""
    (item,) = of_kind(objects, kind)
    return item


@pytest.mark.parametrize("values", [SMALLEST, OPERATORS], ids=["default names", "other names"])
def test_strimzi_gets_the_very_topics_of_the_plan(helm4: Path, tmp_path: Path, values: Path) -> None:
    """Names, partitions and properties are those of ``connector topics plan`` for the same configuration."""
    settings = ("topics.create=strimzi", "topics.strimzi.cluster=crm", "topics.slots=12", "topics.replication=3")
    objects = render(helm4, values, *settings)
    made = {item["spec"].pop("topicName"): item["spec"] for item in of_kind(objects, "KafkaTopic")}
    assert made == {
        topic.name: {"partitions": topic.partitions, "replicas": 3, "config": dict(topic.config)}
        for topic in planned_topics(settings_of(objects, tmp_path), 12)
    }


def test_kafka_topics_are_known_to_the_operator_and_outlive_the_release(operators: Objects) -> None:
    """Each has the cluster's label, a name that Kubernetes takes, and stays when the release goes."""
    for item in of_kind(operators, "KafkaTopic"):
        assert item["apiVersion"] == "kafka.strimzi.io/v1"
        assert item["metadata"]["labels"]["strimzi.io/cluster"] == "crm"
        assert item["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
        assert item["metadata"]["name"] == item["metadata"]["name"].lower().replace("_", "-")


def test_jobs_prepare_kafka_and_the_registry(full: Objects) -> None:
    """With the configuration of the roles, every secret that leads there, and none of the roles' own."""
    jobs = {item["metadata"]["labels"]["app.kubernetes.io/component"]: item for item in of_kind(full, "Job")}
    arguments = {name: job["spec"]["template"]["spec"]["containers"][0]["args"] for name, job in jobs.items()}
    assert arguments["topics"][:2] == ["topics", "apply"]
    assert arguments["topics"][-4:] == ["--slots", "48", "--replication", "3"]
    assert arguments["schemas"][:3] == ["schemas", "register", "--topics-from-config"]
    for job in jobs.values():
        pod = job["spec"]["template"]["spec"]
        assert {volume["name"] for volume in pod["volumes"]} == {"config", "kafka", "registry"}


def test_a_job_is_another_one_when_what_it_does_changes(helm4: Path) -> None:
    """Kubernetes refuses to change a Job: its name follows configuration, image and arguments, and nothing else."""

    def name(*settings: str) -> str:
        return str(only(render(helm4, SMALLEST, "topics.create=job", *settings), "Job")["metadata"]["name"])

    names = [name(), name("topics.slots=48"), name("image.tag=v2"), name("config.topics.prefix=eu.")]
    assert len(set(names)) == len(names)
    assert name("ingress.replicas=7") == name()


def test_what_scales_has_no_fixed_number_of_replicas(helm4: Path, full: Objects, operators: Objects) -> None:
    """Or each upgrade would undo what the autoscaler has done."""
    assert "replicas" not in full["Deployment", f"{NAME}-ingress"]["spec"]
    assert "replicas" not in operators["Deployment", f"{NAME}-delivery"]["spec"]
    smallest = render(helm4, SMALLEST)
    assert {smallest["Deployment", f"{NAME}-{role}"]["spec"]["replicas"] for role in ROLES} == {2}
    scaler = full["HorizontalPodAutoscaler", f"{NAME}-ingress"]["spec"]
    assert scaler["scaleTargetRef"]["name"] == f"{NAME}-ingress"
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 12)


def test_delivery_scales_on_what_its_limits_do_not_explain(operators: Objects) -> None:
    """KEDA asks for the rule that the alerts file records, in this release's namespace; lag is not asked for."""
    spec = only(operators, "ScaledObject")["spec"]
    query = spec["triggers"][0]["metadata"]["query"]
    recorded = [
        rule["record"]
        for group in only(operators, "PrometheusRule")["spec"]["groups"]
        for rule in group["rules"]
        if "record" in rule
    ]
    assert recorded == ["whatsapp_connector:number_shortfall:ratio"]
    assert query == f'max({recorded[0]}{{namespace="crm"}}) or vector(0)'
    assert spec["scaleTargetRef"]["name"] == f"{NAME}-delivery"
    assert "lag" not in json.dumps(spec)


def test_alerts_and_dashboard_are_the_shared_files(operators: Objects) -> None:
    """Word for word, but for the address of the runbooks."""
    alerts = yaml.safe_load(
        (CHART / "files" / "alerts.yaml")
        .read_text()
        .replace("docs/runbooks/alerts/", "https://runbooks.example/whatsapp/")
    )
    assert only(operators, "PrometheusRule")["spec"] == alerts
    data = operators["ConfigMap", f"{NAME}-dashboard"]["data"]
    assert [json.loads(text) for text in data.values()] == [dashboard()]


def test_the_pod_monitor_sees_both_roles(operators: Objects) -> None:
    """Its selector fits the Pods of both, and its port is one that they have."""
    spec = only(operators, "PodMonitor")["spec"]
    for role in ROLES:
        pod = pod_of(operators, role)
        assert spec["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
        assert spec["podMetricsEndpoints"][0]["port"] in {p["name"] for p in pod["spec"]["containers"][0]["ports"]}


def test_only_the_path_of_the_webhooks_is_public(full: Objects, operators: Objects) -> None:
    """By Ingress and by HTTPRoute: that one path, to the Service of ingress."""
    (rule,) = only(full, "Ingress")["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert (rule["host"], path["path"], path["pathType"]) == ("whatsapp.example", "/meta", "Exact")
    assert path["backend"]["service"] == {"name": f"{NAME}-ingress", "port": {"name": "http"}}
    (rule,) = only(operators, "HTTPRoute")["spec"]["rules"]
    assert rule["matches"] == [{"path": {"type": "Exact", "value": "/webhook"}}]
    service = operators["Service", f"{NAME}-ingress"]["spec"]["ports"][0]["port"]
    assert rule["backendRefs"] == [{"name": f"{NAME}-ingress", "port": service}]


def test_the_network_lets_in_and_out_what_was_named(full: Objects, operators: Objects) -> None:
    """The admin port is closed unless somebody is named; name resolution is always open."""
    spec = only(full, "NetworkPolicy")["spec"]
    opened = {rule["ports"][0]["port"]: rule["from"][0]["namespaceSelector"]["matchLabels"] for rule in spec["ingress"]}
    assert opened == {
        9090: {"kubernetes.io/metadata.name": "monitoring"},
        8443: {"kubernetes.io/metadata.name": "ingress-nginx"},
    }
    assert [[port["port"] for port in rule["ports"]] for rule in spec["egress"]] == [[53, 53], [9093], [443]]
    spec = only(operators, "NetworkPolicy")["spec"]
    assert (spec["ingress"], spec["egress"]) == ([{"ports": [{"port": 8080}]}], [{}])


def test_the_network_policy_is_about_all_pods_of_the_release(full: Objects) -> None:
    """Both roles, the Jobs and the test."""
    selector = only(full, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"].items()
    pods = [pod_of(full, role) for role in ROLES]
    pods += [job["spec"]["template"] for job in of_kind(full, "Job")] + of_kind(full, "Pod")
    assert len(pods) == 5
    assert all(selector <= pod["metadata"]["labels"].items() for pod in pods)


def test_pods_are_spread_over_zones_and_nodes(helm4: Path, full: Objects) -> None:
    """By default each role by itself; values replace that."""
    for role in ROLES:
        pod = pod_of(render(helm4, SMALLEST), role)
        spread = pod["spec"]["topologySpreadConstraints"]
        assert [each["topologyKey"] for each in spread] == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
        for each in spread:
            assert each["labelSelector"]["matchLabels"]["app.kubernetes.io/component"] == role
    assert len(pod_of(full, "ingress")["spec"]["topologySpreadConstraints"]) == 1


def test_every_pod_of_the_chart_fits_a_restricted_namespace(full: Objects) -> None:
    """The Jobs and the test as well as the roles: the same user, and nothing that is denied."""
    pods = [pod_of(full, role)["spec"] for role in ROLES]
    pods += [job["spec"]["template"]["spec"] for job in of_kind(full, "Job")] + [
        pod["spec"] for pod in of_kind(full, "Pod")
    ]
    allowed = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    for pod in pods:
        assert pod["securityContext"] == pods[0]["securityContext"]
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert container["securityContext"] == allowed
            assert container["resources"].keys() == {"requests", "limits"}
        assert {key for volume in pod["volumes"] for key in volume} <= {"name", "configMap", "secret"}


def test_the_helm_test_asks_for_the_handshake_and_the_topics(full: Objects) -> None:
    """Through the Service, on the path and with the token of the configuration."""
    pod = only(full, "Pod")
    assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    handshake, topics = pod["spec"]["containers"]
    assert handshake["args"][1:] == [f"http://{NAME}-ingress:443", "/meta", "/run/secrets/webhook/verify-token"]
    compile(handshake["args"][0], "handshake", "exec")
    assert topics["args"][:2] == ["topics", "plan"]
    assert topics["args"][-1] == "48"


SCALED = ["delivery.autoscaling.enabled=true", "delivery.autoscaling.prometheusUrl=http://prometheus:9090"]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (["valueFormat=confluent"], "config.schema_registry.url has to be set"),
        (["config.schema_registry.url=http://r:8081"], "valueFormat has to be confluent"),
        (["schemas.register=true"], "config.schema_registry.url is not set"),
        (["topics.slots=4", *SCALED], "a worker beyond the number of slots"),
    ],
)
def test_values_that_contradict_each_other_are_refused(
    helm3: Path, helm4: Path, settings: list[str], complaint: str
) -> None:
    """With a word on which two."""
    chosen = [word for setting in settings for word in ("--set", setting)]
    for helm in (helm3, helm4):
        done = run(helm, "template", RELEASE, str(CHART), "--values", str(SMALLEST), *chosen)
        assert done.returncode != 0
        assert complaint in done.stderr


@pytest.mark.parametrize("settings", [["topics.slots=6"], ["topics.slots=8", *SCALED]])
def test_few_slots_need_no_word_on_an_autoscaling_that_is_off(helm4: Path, settings: list[str]) -> None:
    """Its default of workers is compared with the slots only where it has an effect."""
    chosen = [word for setting in settings for word in ("--set", setting)]
    done = run(helm4, "template", RELEASE, str(CHART), "--values", str(SMALLEST), *chosen)
    assert (done.returncode, done.stderr) == (0, "")
