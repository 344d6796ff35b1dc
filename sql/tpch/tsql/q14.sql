-- TPC-H 14: Promotion effect, in T-SQL
SELECT 100.00 * SUM(IIF(p_type LIKE 'PROMO%', l_extendedprice * (1 - l_discount), 0)) / sum(l_extendedprice * (1 - l_discount)) AS promo_revenue
FROM lineitem, part
WHERE l_partkey = p_partkey
  AND l_shipdate >= CAST('1995-09-01' AS date)
  AND l_shipdate < DATEADD(month, 1, CAST('1995-09-01' AS date));
