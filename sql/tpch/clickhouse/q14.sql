-- TPC-H 14: Promotion effect, in ClickHouse
SELECT 100.00 * sumIf(l_extendedprice * (1 - l_discount), p_type LIKE 'PROMO%') / sum(l_extendedprice * (1 - l_discount)) AS promo_revenue
FROM lineitem, part
WHERE l_partkey = p_partkey
  AND l_shipdate >= toDate('1995-09-01')
  AND l_shipdate < toDate('1995-09-01') + INTERVAL 1 MONTH;
