-- TPC-H 7: Volume shipping
SELECT
  ns.n_name AS supp_nation,
  nc.n_name AS cust_nation,
  year(l_shipdate) AS l_year,
  sum(l_extendedprice * (1 - l_discount)) AS revenue
FROM supplier, lineitem, orders, customer, nation AS ns, nation AS nc
WHERE s_suppkey = l_suppkey
  AND o_orderkey = l_orderkey
  AND c_custkey = o_custkey
  AND s_nationkey = ns.n_nationkey
  AND c_nationkey = nc.n_nationkey
  AND (ns.n_name, nc.n_name) IN (('FRANCE', 'GERMANY'), ('GERMANY', 'FRANCE'))
  AND l_shipdate BETWEEN DATE '1995-01-01' AND DATE '1996-12-31'
GROUP BY ALL
ORDER BY ALL;
