"""The functions of udf_functions.py that can be written for whole columns: NumPy arrays in, a NumPy array out."""

from __future__ import annotations

from typing import Any

import numpy as np
from udf_functions import COEFFICIENTS, INTERCEPT


def fare(distance: Any, minutes: Any, passengers: Any) -> Any:
    """`udf_functions.fare` of whole columns."""
    price = np.where(distance < 15.0, 4.0 + (distance - 2.0) * 1.6, 24.8 + (distance - 15.0) * 1.2)
    price = np.where(distance < 2.0, 4.0, price)
    price = np.where(minutes > distance * 3.0, price + (minutes - distance * 3.0) * 0.35, price)
    return np.where(passengers > 4, price * 1.25, price)


def predict(f1: Any, f2: Any, f3: Any, f4: Any, f5: Any, f6: Any) -> Any:
    """`udf_functions.predict` of whole columns."""
    z = np.full(len(f1), INTERCEPT)
    for coefficient, feature in zip(COEFFICIENTS, (f1, f2, f3, f4, f5, f6), strict=True):
        z += coefficient * feature
    return 1.0 / (1.0 + np.exp(-z))
