"""The experiments of Cloos et al. 2024 (arXiv 2407.07059), one command per figure.

    repscore-paper fig5 --address localhost:50051 --data DIR --out figures

Needs the extra `paper` (matplotlib). Every figure is a PNG and a CSV file with
the numbers behind it.
"""
