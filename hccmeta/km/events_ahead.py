"""How many events a curve still needs: what keeps the search for patients on course to the total."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class EventsAhead:
    """Events still to come after every stage: a number and its variance for a state at `survival` and `at_risk`.

    States elsewhere expect `per_survival` and `per_patient` times the difference more.
    """

    number: np.ndarray
    per_survival: np.ndarray
    per_patient: np.ndarray
    survival: np.ndarray
    at_risk: np.ndarray
    variance: np.ndarray

    def chance(self, i: int, missing: np.ndarray, survival: np.ndarray, at_risk: np.ndarray) -> np.ndarray:
        """Relative chance, from 2e-9 to 1, that `missing` events follow on stage i."""
        constant = self.number[i] - self.per_survival[i] * self.survival[i] - self.per_patient[i] * self.at_risk[i]
        expected = constant + self.per_survival[i] * survival + self.per_patient[i] * at_risk
        return np.exp(np.maximum(-0.5 / self.variance[i] * (missing - expected) ** 2, -20.0))
