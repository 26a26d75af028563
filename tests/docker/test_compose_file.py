"""compose.yaml: what must hold for every service, so that nobody gets in by default."""

from __future__ import annotations

from typing import Any

import pytest

from tests.docker.files import DOCKER, documents, is_pinned

(COMPOSE,) = documents(DOCKER / "compose.yaml")
SERVICES: dict[str, Any] = COMPOSE["services"]
each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=list(SERVICES))


@each_service
def test_its_image_is_pinned(service):
    assert is_pinned(service["image"])


@each_service
def test_it_runs_without_root_or_any_privilege(service):
    user, group = service["user"].split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert not {"privileged", "cap_add", "devices", "network_mode", "pid", "ipc"} & service.keys()


@each_service
def test_it_publishes_ports_on_loopback_alone(service):
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@each_service
def test_it_has_a_healthcheck_or_is_a_job(service):
    check = service["healthcheck"]
    if service.get("restart") == "no":
        assert check == {"disable": True}
    else:
        assert check["test"][0] == "CMD"
        assert {"interval", "timeout", "retries"} <= check.keys()


@each_service
def test_its_limits_are_set(service):
    assert {"cpus", "memory", "pids"} <= service["deploy"]["resources"]["limits"].keys()


@each_service
def test_no_secret_stands_in_its_environment_or_command(service):
    environment = service.get("environment", {})
    secret = ("PASSWORD", "TOKEN", "SECRET", "KEY")
    for name, value in environment.items():
        if any(word in name for word in secret):
            assert name.endswith(("_FILE", "_PATH")), name
            assert value.removeprefix("/run/secrets/") in service["secrets"], name
    words = [*service.get("entrypoint", []), *service["command"]]
    assert not any(
        "://" in word and ":" in word.split("@")[0].split("://")[1] for word in words if "@" in word
    )


@each_service
def test_it_waits_for_services_until_they_are_healthy(service):
    for other, how in service.get("depends_on", {}).items():
        assert how == {"condition": "service_healthy"}
        assert "test" in SERVICES[other]["healthcheck"]


@each_service
def test_its_secrets_configs_volumes_and_networks_are_declared(service):
    assert set(service.get("secrets", [])) <= COMPOSE["secrets"].keys()
    assert {used["source"] for used in service.get("configs", [])} <= COMPOSE["configs"].keys()
    assert set(service.get("networks", ["default"])) <= COMPOSE["networks"].keys()
    named = {text.split(":")[0] for text in service.get("volumes", [])} - {"${STUDIES"}
    assert named <= COMPOSE["volumes"].keys()


def test_ray_asks_for_its_token_wherever_it_runs():
    for name in ("ray-head", "ray-worker", "search"):
        environment = SERVICES[name]["environment"]
        assert environment["RAY_AUTH_MODE"] == "token"
        assert environment["RAY_AUTH_TOKEN_PATH"] == "/run/secrets/ray_token"


def test_mlflow_asks_for_an_account_and_checks_host_and_origin():
    command = SERVICES["mlflow"]["command"]
    assert "--app-name=basic-auth" in command
    hosts = next(word for word in command if word.startswith("--allowed-hosts="))
    origins = next(word for word in command if word.startswith("--cors-allowed-origins="))
    assert "*" not in hosts + origins


def test_postgresql_is_reached_by_mlflow_alone():
    assert COMPOSE["networks"]["store"] == {"internal": True}
    inside = {name for name, told in SERVICES.items() if "store" in told.get("networks", [])}
    assert inside == {"postgres", "mlflow"}
    assert SERVICES["postgres"]["networks"] == ["store"]
    assert "ports" not in SERVICES["postgres"]


def test_the_password_of_mlflow_reaches_no_node_that_runs_trials():
    assert SERVICES["ray-worker"]["secrets"] == ["ray_token"]


def test_the_file_for_gpus_changes_the_workers_alone():
    (gpu,) = documents(DOCKER / "compose.gpu.yaml")
    assert gpu["services"].keys() == {"ray-worker"}
    worker = gpu["services"]["ray-worker"]
    assert is_pinned(worker["image"])
    assert worker["image"].endswith("-cuda")
    assert worker["build"] == {"target": "cuda"}
