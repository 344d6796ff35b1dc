"""What the adaptive processor would do with more cores than there are: a discrete-event model, fed with measured costs.

costs.py       what the parts cost: the input
machine.py     threads, cores, time, and the interpreter's lock
model.py       coordinator, receivers, reader and handoff on such a machine: `simulate`
prediction.py  from costs to tables: `predict`, `validate`, `fitted`
"""

from velothread.lab.simulation.costs import Costs
from velothread.lab.simulation.model import Outcome, simulate
from velothread.lab.simulation.prediction import Fit, fitted, predict, validate

__all__ = ["Costs", "Fit", "Outcome", "fitted", "predict", "simulate", "validate"]
