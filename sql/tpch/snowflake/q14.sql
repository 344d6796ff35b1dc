-- TPC-H 14: Promotion effect, in Snowflake
SELECT 100.00 * SUM(IFF(p_type LIKE 'PROMO%', l_extendedprice * (1 - l_discount), 0)) / sum(l_extendedprice * (1 - l_discount)) AS promo_revenue
FROM lineitem, part
WHERE l_partkey = p_partkey
  AND l_shipdate >= '1995-09-01'::DATE
  AND l_shipdate < DATEADD(month, 1, '1995-09-01'::DATE);
