-- TPC-H 8: National market share
SELECT o_year, coalesce(sum(volume) FILTER (WHERE nation = 'BRAZIL'), 0) / sum(volume) AS mkt_share
FROM (
  SELECT year(o_orderdate) AS o_year, l_extendedprice * (1 - l_discount) AS volume, ns.n_name AS nation
  FROM part, supplier, lineitem, orders, customer, nation AS nc, nation AS ns, region
  WHERE p_partkey = l_partkey
    AND s_suppkey = l_suppkey
    AND l_orderkey = o_orderkey
    AND o_custkey = c_custkey
    AND c_nationkey = nc.n_nationkey
    AND nc.n_regionkey = r_regionkey
    AND s_nationkey = ns.n_nationkey
    AND r_name = 'AMERICA'
    AND o_orderdate BETWEEN DATE '1995-01-01' AND DATE '1996-12-31'
    AND p_type = 'ECONOMY ANODIZED STEEL'
) AS sales
GROUP BY o_year
ORDER BY o_year;
