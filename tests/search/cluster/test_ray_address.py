from __future__ import annotations

import socket

import pytest
from ray.util import get_node_ip_address

from search.cluster.ray_address import check_address, ray_errors_as_user_errors
from spaces.errors import UserError
from tests.ports import free_port


def test_ray_client_is_refused_with_its_reason_and_the_remedy():
    with pytest.raises(UserError, match=r"--address ray://head:10001: over Ray Client .* submit"):
        check_address("ray://head:10001")


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1", "no such address"),
        ("no-such-host.invalid:6379", "no such address|cannot be reached"),
    ],
)
def test_an_invalid_address_is_refused_in_one_line(address: str, reason: str):
    with pytest.raises(UserError, match=rf"^--address {address}: ({reason})") as refused:
        check_address(address)
    assert "\n" not in str(refused.value)


def test_a_port_at_which_nothing_listens_is_refused_at_once():
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(UserError, match=rf"--address {address}: cannot be reached"):
        check_address(address)


def test_auto_without_a_cluster_on_this_machine_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr("ray._private.services.get_ray_address_from_environment", lambda *_: None)
    with pytest.raises(UserError, match="--address auto: no cluster runs on this machine"):
        check_address("auto")


@pytest.mark.slow
def test_a_server_that_is_no_cluster_is_refused_after_the_timeout():
    host = get_node_ip_address()  # Ray replaces a loopback address by this one
    with socket.create_server((host, 0)) as server:
        address = f"{host}:{server.getsockname()[1]}"
        with pytest.raises(UserError, match=f"--address {address}: something answers there"):
            check_address(address)


def test_rays_own_message_on_joining_becomes_one_line():
    with pytest.raises(UserError) as refused, ray_errors_as_user_errors("head:6379"):
        raise RuntimeError("Version mismatch: The cluster was started with:\n    Ray: 2.1\n")
    assert str(refused.value).startswith(
        "--address head:6379: Version mismatch: The cluster was started with: Ray: 2.1; "
    )
