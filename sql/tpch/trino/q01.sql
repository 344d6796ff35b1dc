-- TPC-H 1: Pricing summary report, in Trino
SELECT
  l_returnflag,
  l_linestatus,
  sum(l_quantity) AS sum_qty,
  sum(l_extendedprice) AS sum_base_price,
  sum(l_extendedprice * (1 - l_discount)) AS sum_disc_price,
  sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) AS sum_charge,
  avg(CAST(l_quantity AS double)) AS avg_qty,
  avg(CAST(l_extendedprice AS double)) AS avg_price,
  avg(CAST(l_discount AS double)) AS avg_disc,
  count(*) AS count_order
FROM lineitem
WHERE l_shipdate <= date_add('day', -90, DATE '1998-12-01')
GROUP BY l_returnflag, l_linestatus
ORDER BY l_returnflag, l_linestatus;
