"""Diagnoses again from a saved report."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from posdiag.diagnose import exit_code
from posdiag.engine.chain import Findings, verdict_on
from posdiag.model.errors import Mistake, ReportError
from posdiag.model.knowledge import KnowledgeBase
from posdiag.model.report import End, Report
from posdiag.probes import discover
from posdiag.probes.probe import Probe


def replay(
    report: Report, knowledge: KnowledgeBase, *, probes: Mapping[str, Probe] | None = None
) -> Report:
    """Return the report with its verdict made again from its outcomes, facts and case.

    With the same knowledge and probes the verdict is the same byte for byte. When it was made and
    how its run ended stay as they were.

    Args:
        report: as decoded.
        knowledge: of today.
        probes: by name; None: all that there are.

    Raises:
        ReportError: the run came to no verdict, so there is nothing to diagnose from.
    """
    if report.end is End.ERROR:
        wish = "the report of a run that came to a verdict"
        raise ReportError([Mistake("report", "end", wish, f"error: {report.error}")])
    verdict = verdict_on(
        Findings(outcomes=report.outcomes, facts=report.facts, case=report.case),
        probes=discover() if probes is None else probes,
        knowledge=knowledge,
    )
    return msgspec.structs.replace(
        report,
        knowledge_version=knowledge.meta.version,
        exit_code=exit_code(verdict.state),
        **msgspec.structs.asdict(verdict),
    )
