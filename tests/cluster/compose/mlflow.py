"""MLflow's REST interface, used as any program on the network could."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HOST = "mlflow:5000"  # as the services call it


@dataclass(frozen=True, slots=True, kw_only=True)
class MlflowServer:
    """A server at an address, and the password of its account."""

    address: str
    password: str

    def ask(
        self,
        path: str,
        content: Mapping[str, object] | None = None,
        *,
        account: str | None = None,
        **headers: str,
    ) -> tuple[int, Any]:
        """HTTP status and answer; ``account`` is ``name:password``, the right one if absent."""
        credentials = base64.b64encode((account or f"admin:{self.password}").encode()).decode()
        request = urllib.request.Request(
            f"http://{self.address}:5000{path}",
            data=None if content is None else json.dumps(content).encode(),
            headers={
                "Host": HOST,
                "Authorization": f"Basic {credentials}",
                "Content-Type": "application/json",
                **headers,
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()

    def trials(self, study: str) -> list[dict[str, Any]]:
        """The runs of a study's trials."""
        _, found = self.ask(f"/api/2.0/mlflow/experiments/get-by-name?experiment_name={study}")
        experiment = found["experiment"]["experiment_id"]
        search = {"experiment_ids": [experiment], "max_results": 1000}
        _, found = self.ask("/api/2.0/mlflow/runs/search", search)
        return [run for run in found["runs"] if "mlflow.parentRunId" in tags(run)]


def tags(run: Mapping[str, Any]) -> dict[str, str]:
    """A run's tags."""
    return {tag["key"]: tag["value"] for tag in run["data"]["tags"]}
