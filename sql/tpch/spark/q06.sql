-- TPC-H 6: Forecasting revenue change, in Spark SQL
SELECT sum(l_extendedprice * l_discount) AS revenue
FROM lineitem
WHERE l_shipdate >= to_date('1994-01-01')
  AND l_shipdate < add_months(DATE '1994-01-01', 12)
  AND l_discount BETWEEN 0.06 - 0.01 AND 0.06 + 0.01
  AND l_quantity < 24;
