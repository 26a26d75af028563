"""Rules for ``storage.uri``, the place of a study's checkpoints; it holds no credentials."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

_SCHEMES = ("s3", "gs", "gcs", "abfs", "abfss", "hdfs", "viewfs", "file")  # that pyarrow knows
# Options of pyarrow's file systems that are no secrets.
_OPTIONS = {"endpoint_override", "region", "scheme", "project_id", "default_bucket_location"}


def storage_faults(uri: str | None) -> list[str]:
    """Faults of ``storage.uri``; none repeats the value, which may hold a secret."""
    if uri is None or uri.startswith("/"):
        return []
    parts = urlsplit(uri)
    if not parts.scheme or "://" not in uri:
        return ["storage.uri must be an absolute path or a URL such as s3://BUCKET/PREFIX"]
    faults = []
    if parts.scheme not in _SCHEMES:
        faults.append(
            f"storage.uri has the scheme {parts.scheme}; it may have {', '.join(_SCHEMES)}"
        )
    if "@" in parts.netloc + parts.query:
        faults.append(
            "storage.uri names a user or a key; leave it out, credentials come from the environment"
        )
    unknown = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} - _OPTIONS
    if unknown:
        faults.append(
            f"storage.uri has the options {', '.join(sorted(unknown))}; it may have "
            f"{', '.join(sorted(_OPTIONS))}, and credentials come from the environment"
        )
    if parts.fragment:
        faults.append("storage.uri has a '#'; leave it out")
    return faults
