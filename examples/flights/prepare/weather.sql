-- One row per station (origin) and hour. Sources: weather.
-- `observed_at` is UTC; time_hour is the hour rounded down, its report comes at minute 51 (no sooner is it known).
-- The last two columns are no features: they let the suite see a wrong unit in any single batch.
SELECT
    origin,
    timezone('UTC', time_hour) + INTERVAL 51 MINUTE         AS observed_at,   -- the report of minute 51 of that hour
    CAST(temp       AS DOUBLE)                               AS temp,          -- degrees Fahrenheit
    CAST(dewp       AS DOUBLE)                               AS dewp,          -- degrees Fahrenheit
    CAST(humid      AS DOUBLE)                               AS humid,         -- percent
    CAST(wind_dir   AS DOUBLE)                               AS wind_dir,      -- degrees
    CAST(wind_speed AS DOUBLE)                               AS wind_speed,    -- miles per hour
    CAST(wind_gust  AS DOUBLE)                               AS wind_gust,     -- miles per hour, null without gusts
    CAST(precip     AS DOUBLE)                               AS precip,        -- inches
    CAST(pressure   AS DOUBLE)                               AS pressure,      -- hectopascal
    CAST(visib      AS DOUBLE)                               AS visib,         -- statute miles
    -- humidity as reported, less humidity by the Magnus formula from temperature and dew point: near 0 only in Fahrenheit
    humid - 100 * exp(17.625 * ((dewp - 32) / 1.8) / (243.04 + (dewp - 32) / 1.8)
                    - 17.625 * ((temp - 32) / 1.8) / (243.04 + (temp - 32) / 1.8))
                                                             AS humid_gap,
    -- stations report whole knots: distance of the wind from the nearest one, near 0 only in miles per hour
    abs(wind_speed / 1.15078 - round(wind_speed / 1.15078))  AS wind_knots_gap
FROM weather
