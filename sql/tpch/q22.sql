-- TPC-H 22: Global sales opportunity
WITH callers AS (
  SELECT c_custkey, c_acctbal, c_phone[1:2] AS cntrycode
  FROM customer
  WHERE cntrycode IN ('13', '31', '23', '29', '30', '18', '17')
)
SELECT cntrycode, count(*) AS numcust, sum(c_acctbal) AS totacctbal
FROM callers
WHERE c_acctbal > (SELECT avg(c_acctbal) FROM callers WHERE c_acctbal > 0.00)
  AND NOT EXISTS (FROM orders WHERE o_custkey = c_custkey)
GROUP BY cntrycode
ORDER BY cntrycode;
