"""Faults of an MLflow store: one line each, with what its user can do."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from search.study.tracking_uri import redacted
from search.tracking.faults import reason
from search.tracking.store import mlflow_errors_as_user_errors
from spaces.errors import UserError


@contextmanager
def server(status: int, body: bytes) -> Iterator[str]:
    """A server that gives every request this answer; its URL."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()


def error_of(uri: str) -> str:
    with pytest.raises(UserError) as told, mlflow_errors_as_user_errors(uri):
        MlflowClient(uri).search_experiments(max_results=1)
    assert "\n" not in str(told.value)
    return str(told.value).removeprefix(f"MLflow at {redacted(uri)}: ")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, b"<html>\nno</html>", "the server asks for another account (401); set MLFLOW_TR"),
        (403, b'{"error_code": "PERMISSION_DENIED"}', "the server does not let this account do"),
        (404, b"<html>" + 9000 * b"x", "API request to endpoint /api/2.0/mlflow/experiments/sear"),
        (500, b"<html>", "too many 500 error responses; start the server or correct the URI"),
    ],
)
def test_an_answer_of_a_server_is_told_in_one_line(
    status: int, body: bytes, expected: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with server(status, body) as uri:
        told = error_of(uri)
    assert told.startswith(expected)
    assert len(told) < 500


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("mysql+pymysql://127.0.0.1/x", "the database's driver pymysql is not installed; install"),
        ("postgresql://127.0.0.1/x", "the database's driver psycopg is not installed; write post"),
        ("postgresql+nosuch://127.0.0.1/x", "Can't load plugin: sqlalchemy.dialects:postgresql"),
    ],
)
def test_a_database_without_its_driver_is_told_in_one_line(uri: str, expected: str):
    assert error_of(uri).startswith(expected)


def test_a_lost_connection_is_told_without_its_pool():
    error = MlflowException(
        "API request to http://h:5/api failed with exception HTTPConnectionPool(host='h', port=5):"
        ' Max retries exceeded with url: /api (Caused by NewConnectionError("HTTPConnection('
        "host='h', port=5): Failed to establish a new connection: [Errno 111] Connection refused"
        '"))'
    )
    assert (
        reason(error, "http://h:5")
        == "Failed to establish a new connection: [Errno 111] Connection refused"
    )
