"""What measures of similarity are called in pages and figures."""

NAMES = {
    "linear_cka_unbiased": "linear CKA, unbiased",
    "linear_cka_biased": "linear CKA, biased",
    "rbf_cka_unbiased": "RBF CKA, unbiased",
    "rbf_cka_biased": "RBF CKA, biased",
    "procrustes": "Procrustes distance",
    "mutual_knn": "mutual nearest neighbours",
    "neighbour_overlap": "neighbourhood overlap",
    "rtd_lite": "RTD-lite",
    "rtd": "RTD",
    "bottleneck_h0": "bottleneck distance, H_0",
    "bottleneck_h1": "bottleneck distance, H_1",
    "sliced_wasserstein_h0": "sliced Wasserstein, H_0",
    "sliced_wasserstein_h1": "sliced Wasserstein, H_1",
    "label_overlap": "overlap with the labels",
}


def name(measure: str) -> str:
    """Return what a measure is called; one of a user's own by its registered name."""
    return NAMES.get(measure, measure.replace("_", " "))
