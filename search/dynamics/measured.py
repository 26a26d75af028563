"""Measured dynamics of a subject's encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from search.dynamics.subject import Subject
from spaces.errors import UserError
from spaces.layout import Layout
from trainable.dynamics.measure import SHORTEST, Dynamics, measure_dynamics, validation_sentences


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicsReport:
    """Dynamics of an encoder, trained and untrained."""

    subject: Subject
    n_sentences: int
    n_passes: int
    n_exponents: int
    models: Mapping[str, Dynamics]  # by state: "trained", "untrained"

    @property
    def layout(self) -> Layout:
        """Layout of the encoder."""
        return self.subject.config.encoder


def measure_subject(
    subject: Subject, *, n_sentences: int, n_passes: int, n_exponents: int
) -> DynamicsReport:
    """Measure all models of a subject on the same sentences and initial directions.

    Raises:
        UserError: ``n_exponents`` is more than a sentence has, or there are no sentences.
    """
    # Two directions of each token are lost in a LayerNorm: their exponents are minus infinity.
    most = SHORTEST * (subject.config.d_model - 2)
    if n_exponents > most:
        raise UserError(
            f"--exponents {n_exponents}: the shortest sentence has {most} at "
            f"d_model {subject.config.d_model}; ask for fewer"
        )
    sentences = validation_sentences(subject.task, n_sentences)
    return DynamicsReport(
        subject=subject,
        n_sentences=len(sentences),
        n_passes=n_passes,
        n_exponents=n_exponents,
        models={
            name: measure_dynamics(
                model,
                sentences,
                n_passes=n_passes,
                n_exponents=n_exponents,
                seed=subject.seed,
            )
            for name, model in subject.models.items()
        },
    )
