-- The study's first scenario: a filter that lets about half of the rows through, each row on its own.
-- It measures what it costs to bring a record to a partition: there is no state, and hardly any work.
--
-- The table `trades` is the stream of the study; the trades in data/ have the same columns:
--
--     velothread query -f sql/study/filter.sql --table trades='data/trades-*.csv' --processor adaptive --stats
SELECT symbol, price, qty
FROM trades
WHERE side = 'buy' AND qty > 100;
