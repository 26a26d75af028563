"""The manifests for Kubernetes: valid where a schema is at hand, and closed by default."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.docker.files import DOCKER, ROOT, documents, is_pinned

KUBERAY = DOCKER / "kuberay"
REDIS = DOCKER / "kuberay-redis"
FOLDERS = [KUBERAY, KUBERAY / "study", REDIS]
FILES = [path for folder in FOLDERS for path in sorted(folder.glob("*.yaml"))]
OBJECTS = [
    document for path in FILES if path.name != "kustomization.yaml" for document in documents(path)
]
NAMES = [f"{thing['kind']}-{thing['metadata']['name']}" for thing in OBJECTS]
NEWEST = kubernetes_validate.latest_version()

# The fields of KubeRay 1.6's API reference that are used here; its whole schema is not kept
# here (docker/README.md). A misspelt field would be dropped by the operator without a word.
CLUSTER_FIELDS = {"rayVersion", "authOptions", "headGroupSpec", "workerGroupSpecs"}
HEAD_FIELDS = {"rayStartParams", "template"}
WORKER_FIELDS = HEAD_FIELDS | {"groupName", "replicas", "minReplicas", "maxReplicas"}
REDIS_FIELDS = {"redisAddress", "redisPassword"}
JOB_FIELDS = {
    *("entrypoint", "backoffLimit", "shutdownAfterJobFinishes"),
    *("submitterPodTemplate", "rayClusterSpec"),
}


def ray_cluster_specs() -> dict[str, dict[str, Any]]:
    found = {}
    for thing in OBJECTS:
        if thing["kind"] == "RayCluster":
            found["RayCluster"] = thing["spec"]
        if thing["kind"] == "RayJob":
            found["RayJob"] = thing["spec"]["rayClusterSpec"]
    return found


def pod_templates() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every pod that the manifests make, with its name."""
    for thing, name in zip(OBJECTS, NAMES, strict=True):
        if thing["kind"] in ("Deployment", "StatefulSet"):
            yield name, thing["spec"]["template"]
        if thing["kind"] == "RayJob":
            yield f"{name}-submitter", thing["spec"]["submitterPodTemplate"]
    for name, spec in ray_cluster_specs().items():
        yield f"{name}-head", spec["headGroupSpec"]["template"]
        for group in spec["workerGroupSpecs"]:
            yield f"{name}-{group['groupName']}", group["template"]


PODS = dict(pod_templates())
each_pod = pytest.mark.parametrize("template", PODS.values(), ids=list(PODS))
each_cluster = pytest.mark.parametrize(
    "spec", ray_cluster_specs().values(), ids=list(ray_cluster_specs())
)


def containers(template: dict[str, Any]) -> list[dict[str, Any]]:
    spec = template["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


@pytest.mark.parametrize("thing", OBJECTS, ids=NAMES)
def test_an_object_of_kubernetes_own_kinds_is_valid(thing):
    if thing["apiVersion"].startswith("ray.io/"):
        assert thing["apiVersion"] == "ray.io/v1"
        return
    kubernetes_validate.validate(thing, NEWEST, strict=True)


@each_pod
def test_a_pod_template_is_a_valid_pod(template):
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, "spec": template["spec"]}
    kubernetes_validate.validate(pod, NEWEST, strict=True)


@each_pod
def test_a_pod_keeps_to_the_restricted_standard(template):
    spec = template["spec"]
    outer = spec["securityContext"]
    assert outer["runAsNonRoot"] is True
    assert outer["runAsUser"] > 0
    assert outer["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    assert all("hostPath" not in volume for volume in spec["volumes"])
    for container in containers(template):
        inner = container["securityContext"]
        assert inner["allowPrivilegeEscalation"] is False
        assert inner["capabilities"] == {"drop": ["ALL"]}
        assert inner["readOnlyRootFilesystem"] is True


@each_pod
def test_a_container_is_pinned_and_limited(template):
    for container in containers(template):
        assert is_pinned(container["image"])
        assert container["resources"].keys() == {"requests", "limits"}
        assert container["resources"]["limits"].keys() >= {"cpu", "memory"}


@each_pod
def test_a_service_says_whether_it_is_well(template):
    for container in template["spec"]["containers"]:
        if container["name"] != "ray-job-submitter":
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()


@each_pod
def test_what_a_container_mounts_is_declared(template):
    declared = {volume["name"] for volume in template["spec"]["volumes"]}
    for container in containers(template):
        assert {mount["name"] for mount in container["volumeMounts"]} <= declared | {"data"}


@each_cluster
def test_ray_fields_are_those_of_its_reference(spec):
    assert spec.keys() == CLUSTER_FIELDS
    assert spec["headGroupSpec"].keys() == HEAD_FIELDS
    for group in spec["workerGroupSpecs"]:
        assert group.keys() == WORKER_FIELDS
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())


@each_cluster
def test_ray_asks_for_its_token(spec):
    assert spec["authOptions"] == {"mode": "token", "secretName": "ray-token"}


@each_cluster
def test_ray_is_of_the_version_in_the_image(spec):
    assert f'"ray[tune]=={spec["rayVersion"]}"' in (ROOT / "pyproject.toml").read_text()


def test_a_job_has_fields_that_its_reference_knows():
    (job,) = [thing for thing in OBJECTS if thing["kind"] == "RayJob"]
    assert job["spec"].keys() == JOB_FIELDS


def test_job_and_cluster_have_nodes_of_the_same_making():
    cluster, job = ray_cluster_specs().values()
    assert cluster["workerGroupSpecs"] == job["workerGroupSpecs"]
    assert cluster["authOptions"] == job["authOptions"]


def test_no_secret_is_in_a_file():
    assert not [thing for thing in OBJECTS if thing["kind"] == "Secret"]
    for template in PODS.values():
        for container in containers(template):
            for variable in container.get("env", []):
                if variable["name"].endswith(("PASSWORD", "KEY", "TOKEN")):
                    assert "secretKeyRef" in variable["valueFrom"]


def test_nothing_comes_in_from_outside_the_namespace():
    policies = [thing["spec"] for thing in OBJECTS if thing["kind"] == "NetworkPolicy"]
    assert shut_policy()["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in shut_policy()  # what no other policy names is shut
    senders = [
        sender
        for policy in policies
        for rule in policy.get("ingress", [])
        for sender in rule["from"]  # a rule without it would let in everybody
    ]
    assert senders
    assert all(sender.keys() == {"podSelector"} for sender in senders)
    services = [thing["spec"] for thing in OBJECTS if thing["kind"] == "Service"]
    assert all(service.get("type", "ClusterIP") == "ClusterIP" for service in services)


def shut_policy() -> dict[str, Any]:
    """The policy of every pod."""
    (found,) = [
        thing["spec"]
        for thing in OBJECTS
        if thing["kind"] == "NetworkPolicy" and thing["spec"]["podSelector"] == {}
    ]
    return found


def test_only_the_operator_goes_wherever_it_wants():
    policies = {
        name: thing["spec"]
        for thing, name in zip(OBJECTS, NAMES, strict=True)
        if thing["kind"] == "NetworkPolicy"
    }
    open_to_all = [
        name
        for name, policy in policies.items()
        if any(not rule.get("to") for rule in policy.get("egress", []))
    ]
    assert open_to_all == ["NetworkPolicy-operator"]
    questions = shut_policy()["egress"]
    assert [port["port"] for rule in questions for port in rule["ports"]] == [53, 53]


def test_what_one_service_may_send_another_may_receive():
    """A connection needs both: the sender's egress rule and the receiver's ingress rule."""
    policies = [thing["spec"] for thing in OBJECTS if thing["kind"] == "NetworkPolicy"]
    pairs: dict[str, set[tuple[str, str]]] = {"ingress": set(), "egress": set()}
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for policy in policies:
            me = str(policy["podSelector"].get("matchLabels"))
            for rule in policy.get(direction, []):
                for peer in rule.get(peers, []):
                    if "namespaceSelector" not in peer and peer["podSelector"]:
                        other = str(peer["podSelector"]["matchLabels"])
                        pair = (other, me) if direction == "ingress" else (me, other)
                        pairs[direction].add(pair)
    mlflow, postgres = (str({"app.kubernetes.io/name": name}) for name in ("mlflow", "postgres"))
    nodes = str({"ray.io/is-ray-node": "yes"})
    assert {(mlflow, postgres), (nodes, nodes)} <= pairs["ingress"] & pairs["egress"]
    assert (nodes, mlflow) in pairs["egress"]


def test_a_drain_leaves_the_head_and_a_budget_finds_its_pods():
    budgets = [thing["spec"] for thing in OBJECTS if thing["kind"] == "PodDisruptionBudget"]
    heads = [b for b in budgets if b["selector"]["matchLabels"].get("ray.io/node-type") == "head"]
    assert len(heads) == len(ray_cluster_specs())
    for budget in budgets:  # for pods of KubeRay's a share or maxUnavailable is not defined
        assert isinstance(budget["minAvailable"], int)
        assert "maxUnavailable" not in budget
    label = {"app.kubernetes.io/instance": "quickstart"}
    head = ray_cluster_specs()["RayJob"]["headGroupSpec"]["template"]
    assert head["metadata"]["labels"] == label
    assert any(budget["selector"]["matchLabels"].items() >= label.items() for budget in heads)


def test_a_failed_job_is_tried_again_and_resumes():
    (job,) = [thing["spec"] for thing in OBJECTS if thing["kind"] == "RayJob"]
    assert job["backoffLimit"] > 0
    assert "run-or-resume /etc/study/quickstart.toml --address auto" in job["entrypoint"]
    assert "/usr/local/bin/run-or-resume" in (DOCKER / "Dockerfile").read_text()
    assert "!docker/run_or_resume.sh" in (DOCKER / "Dockerfile.dockerignore").read_text()


def test_redis_is_given_to_the_cluster_by_fields_of_its_reference():
    (kustomization,) = documents(REDIS / "kustomization.yaml")
    (patch,) = kustomization["patches"]
    ((operation,),) = yaml.safe_load_all(patch["patch"])
    assert operation["path"] == "/spec/gcsFaultToleranceOptions"
    assert operation["value"].keys() == REDIS_FIELDS
    assert "secretKeyRef" in operation["value"]["redisPassword"]["valueFrom"]


def test_the_namespace_enforces_the_restricted_standard():
    (namespace,) = [thing for thing in OBJECTS if thing["kind"] == "Namespace"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_compose_and_kubernetes_start_mlflow_alike():
    (compose,) = documents(DOCKER / "compose.yaml")
    deployment = PODS["Deployment-mlflow"]["spec"]["containers"][0]["args"]
    # Compose lets the published port be chosen, and with it the names in two options.
    theirs = [
        word.replace("${MLFLOW_PORT:-5000}", "5000")
        for word in compose["services"]["mlflow"]["command"]
    ]
    assert deployment == theirs


def test_the_study_of_the_job_is_the_quickstart():
    study = (KUBERAY / "study/quickstart.toml").read_text()
    assert study == (ROOT / "studies/quickstart.toml").read_text()


@pytest.mark.parametrize("folder", FOLDERS, ids=["cluster", "study", "redis"])
def test_a_kustomization_names_every_manifest_beside_it(folder: Path):
    (kustomization,) = documents(folder / "kustomization.yaml")
    beside = {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) - {"../kuberay"} == beside
    for generator in kustomization.get("configMapGenerator", []):
        assert all((folder / name).is_file() for name in generator["files"])


@pytest.mark.parametrize("folder", FOLDERS, ids=["cluster", "study", "redis"])
def test_kubectl_builds_a_kustomization_into_valid_objects(folder: Path):
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    built = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    for thing in yaml.safe_load_all(built.stdout):
        if not thing["apiVersion"].startswith("ray.io/"):
            kubernetes_validate.validate(thing, NEWEST, strict=True)
