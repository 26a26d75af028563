"""Environment variables of this machine that a job takes along: where and as whom to record."""

from __future__ import annotations

import logging
import os
from urllib.parse import urlsplit

from search.study.tracking_uri import environment_uri

logger = logging.getLogger(__name__)

_TAKEN = (
    *("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"),
    *("MLFLOW_TRACKING_INSECURE_TLS", "MLFLOW_S3_ENDPOINT_URL", "MLFLOW_S3_IGNORE_TLS"),
    *("PGUSER", "PGPASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"),
)

# These name files of this machine, or sections of one, which the job could not read.
_STAYING = (
    *("MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_CLIENT_CERT_PATH"),
    *("PGPASSFILE", "PGSERVICEFILE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY"),
    *("AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"),
    *("AWS_WEB_IDENTITY_TOKEN_FILE", "GOOGLE_APPLICATION_CREDENTIALS"),
    *("AZURE_CONFIG_DIR", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE"),
)


def job_environment() -> dict[str, str]:
    """The variables of tracking and storage that are set here; a log line names them.

    Another line names those that stay here.

    Raises:
        UserError: ``MLFLOW_TRACKING_URI`` is no URI.
    """
    uri = environment_uri()
    taken = {name: value for name in _TAKEN if (value := os.environ.get(name))}
    if uri is not None and urlsplit(uri).scheme in ("", "file", "sqlite"):
        logger.warning(
            "MLFLOW_TRACKING_URI names a file of this machine, so the job does not take it "
            "along; give the address of a server"
        )
    elif uri is not None:
        taken["MLFLOW_TRACKING_URI"] = uri
    if taken:
        logger.info("the job takes along: %s", ", ".join(sorted(taken)))
    staying = [name for name in _STAYING if os.environ.get(name)]
    if staying:
        logger.warning(
            "the job does not take along what names files of this machine: %s; where the study "
            "needs them, set them on the cluster's machines, and put the files there%s",
            ", ".join(staying),
            " (for AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY set here do)"
            if "AWS_PROFILE" in staying
            else "",
        )
    return taken
