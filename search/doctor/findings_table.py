"""What the doctor says of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from search.doctor.finding import Finding

MAX_TOLD = 5  # of one check; --json has all


def findings_json(study: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """The findings for programs."""
    return {
        "study": study,
        "healthy": not any(finding.faults for finding in findings),
        "checks": [{**asdict(finding), "verdict": finding.verdict} for finding in findings],
    }


def print_findings(findings: Sequence[Finding]) -> None:
    """A line for each check, and below it what was seen."""
    for finding in findings:
        print(f"{finding.subject:<13} {finding.verdict:<6} {finding.looked_at}")
        told = [f"fault: {text}" for text in finding.faults]
        told += [f"waits: {text}" for text in finding.waiting]
        for text in told[:MAX_TOLD]:
            print(f"    {text}")
        if len(told) > MAX_TOLD:
            print(f"    … and {len(told) - MAX_TOLD} more; --json tells all")
