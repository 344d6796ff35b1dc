-- The one-billion-row query: least, mean and greatest temperature of each station.
-- The table `measurements` has the columns station (VARCHAR) and temp (DOUBLE):
--
--     velothread query -f sql/billion_rows.sql --table measurements=measurements.csv --partitions 8
--
-- A file without a header line and with `;` between the values, as in the original challenge, wants
-- `--no-header --delim ';' --types 'column0=VARCHAR,column1=DOUBLE'`, and column0, column1 below.
SELECT
    station,
    min(temp) AS min,
    round(avg(temp), 1) AS mean,
    max(temp) AS max
FROM measurements
GROUP BY station
ORDER BY station;
