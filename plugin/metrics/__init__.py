"""How near a sound is to another by numbers: the field's measures behind one call, each with what it can't hear.

`METRICS` names them, `measure` takes them, `ScoreStore` remembers what was measured. What a measure needs beyond the
base comes with the extra `[compare]`, and `Metric.missing` says so.
"""

from lamina.plugin.metrics.metric import Metric
from lamina.plugin.metrics.remembered import ScoreStore
from lamina.plugin.metrics.table import METRICS, chosen_metrics, measure

__all__ = ["METRICS", "Metric", "ScoreStore", "chosen_metrics", "measure"]
