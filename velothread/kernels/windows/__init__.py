"""Window functions over all partitions at once: rows sorted by partition and order key come in, a column per call out.

`layout` says where partitions and peers begin, `frames` turns frame clauses into ranges of rows; `ranking`, `values`
and `aggregates` compute, the last one on top of `sums`, `extremes`, `order_statistics` and `state_tree`. No figure
depends on rows of another partition, but for the grouping of float additions (see `state_tree`).
"""
