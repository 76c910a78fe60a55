"""Does a layer's topology tell how well a network generalises: tables of models and measures, statistics, verdicts."""
