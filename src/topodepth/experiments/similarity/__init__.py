"""How alike layers are, of one network and of two: values with intervals, beside images in another order."""

from topodepth.experiments.similarity.comparison import COLUMNS, LABELS, MATCHED, Network, compare
from topodepth.experiments.similarity.settings import MEASURES, SimilaritySettings
from topodepth.experiments.similarity.summary import page

__all__ = ["COLUMNS", "LABELS", "MATCHED", "MEASURES", "Network", "SimilaritySettings", "compare", "page"]
