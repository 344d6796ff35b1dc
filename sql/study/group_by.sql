-- The study's GROUP BY scenario: totals by key. Partitioning matters here: a strategy that splits a group between
-- partitions needs partial and final aggregation, one that keeps it together (hash, smart) moves rows instead.
--
--     velothread query -f sql/study/group_by.sql --table trades='data/trades-*.csv' --strategy hash --stats
SELECT
    symbol,
    count(*) AS trades,
    sum(qty) AS volume,
    min(price) AS low,
    max(price) AS high,
    round(sum(price * qty) / sum(qty), 4) AS vwap
FROM trades
GROUP BY symbol;
