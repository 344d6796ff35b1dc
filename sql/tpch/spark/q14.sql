-- TPC-H 14: Promotion effect, in Spark SQL
SELECT 100.00 * sum(if(p_type LIKE 'PROMO%', l_extendedprice * (1 - l_discount), 0)) / sum(l_extendedprice * (1 - l_discount)) AS promo_revenue
FROM lineitem, part
WHERE l_partkey = p_partkey
  AND l_shipdate >= to_date('1995-09-01')
  AND l_shipdate < add_months(DATE '1995-09-01', 1);
