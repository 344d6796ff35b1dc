-- TPC-H 6: Forecasting revenue change, in Snowflake
SELECT sum(l_extendedprice * l_discount) AS revenue
FROM lineitem
WHERE l_shipdate >= '1994-01-01'::DATE
  AND l_shipdate < DATEADD(year, 1, '1994-01-01'::DATE)
  AND l_discount BETWEEN 0.06 - 0.01 AND 0.06 + 0.01
  AND l_quantity < 24;
