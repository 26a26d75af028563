"""Findings of the doctor, printed and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from search.doctor.finding import Finding
from search.study.console import say

MAX_PRINTED = 5  # findings of one check; --json has all


def findings_json(study: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """Findings as JSON, for programs."""
    return {
        "study": study,
        "healthy": not any(finding.faults for finding in findings),
        "checks": [{**asdict(finding), "verdict": finding.verdict} for finding in findings],
    }


def print_findings(findings: Sequence[Finding]) -> None:
    """Print a line for each check, with its findings below."""
    width = max(13, *(len(finding.subject) for finding in findings))
    for finding in findings:
        say(f"{finding.subject:<{width}} {finding.verdict:<6} {finding.looked_at}")
        lines = [f"fault: {text}" for text in finding.faults]
        lines += [f"waits: {text}" for text in finding.waiting]
        for line in lines[:MAX_PRINTED]:
            say(f"    {line}")
        if len(lines) > MAX_PRINTED:
            say(f"    … and {len(lines) - MAX_PRINTED} more; --json lists all")
