-- One row per scheduled flight. Sources: flights, airports, planes. All instants are UTC, without a zone.
-- Row by row only: no window, no aggregate, so that a row never depends on another flight.
-- All columns are known at sched_dep_at, but arr_delay and landed_at, which are known at landed_at.
WITH departing AS (
    SELECT
        f.*,
        p.year  AS built,
        p.seats AS seats,
        -- time_hour is the hour of the scheduled departure in UTC
        timezone('UTC', f.time_hour) + to_minutes(f.minute) AS sched_dep_at,
        f.sched_dep_time // 100 * 60 + f.sched_dep_time % 100 AS dep_minute,
        f.sched_arr_time // 100 * 60 + f.sched_arr_time % 100 AS arr_minute,
        -- four destinations are missing from airports
        coalesce(a.tzone, CASE f.dest WHEN 'STT' THEN 'America/St_Thomas' ELSE 'America/Puerto_Rico' END) AS zone
    FROM flights f
    LEFT JOIN airports a ON a.faa = f.dest
    LEFT JOIN planes p   ON p.tailnum = f.tailnum
),
flying AS (
    SELECT
        *,
        date_trunc('hour', sched_dep_at) AS dep_hour_utc,
        -- left and flew: it landed after this, within a day
        sched_dep_at + to_minutes(dep_delay + air_time) AS flown_at
    FROM departing
),
hours AS (
    SELECT zone, dep_hour_utc AS hour_utc FROM flying
    UNION
    SELECT zone, date_trunc('hour', flown_at) FROM flying WHERE arr_delay IS NOT NULL
),
clock AS (   -- minutes by which a destination's clock is ahead of UTC in that hour
    SELECT zone, hour_utc, datediff('minute', hour_utc, timezone(zone, timezone('UTC', hour_utc))) AS ahead FROM hours
)
SELECT
    strftime(make_date(f.year, f.month, f.day), '%Y%m%d') || '-' || carrier || flight || '-' || origin || '-' || dest AS flight_id,
    sched_dep_at,
    -- the first instant from flown_at at which the destination's clock showed arr_time
    CASE WHEN arr_delay IS NOT NULL THEN
        flown_at + to_minutes((arr_time // 100 * 60 + arr_time % 100
                             - (hour(flown_at) * 60 + minute(flown_at) + l.ahead) + 2 * 1440) % 1440) END AS landed_at,
    CAST(arr_delay AS INTEGER)   AS arr_delay,
    carrier,
    CAST(flight AS INTEGER)      AS flight,
    tailnum,
    origin,
    dest,
    CAST(distance AS INTEGER)    AS distance,
    CAST(dep_minute AS INTEGER)  AS dep_minute,      -- of the day, New York's clock
    CAST(arr_minute AS INTEGER)  AS arr_minute,      -- of the day, the destination's clock, as scheduled
    CAST(isodow(make_date(f.year, f.month, f.day)) AS INTEGER) AS weekday,   -- 1 is Monday
    -- from scheduled departure to the next time that the destination's clock shows sched_arr_time
    CAST((arr_minute - (hour(sched_dep_at) * 60 + minute(sched_dep_at) + d.ahead) + 2 * 1440) % 1440 AS INTEGER) AS sched_duration,
    CAST(built AS INTEGER)       AS built,
    CAST(seats AS INTEGER)       AS seats
FROM flying f
JOIN clock d      ON d.zone = f.zone AND d.hour_utc = f.dep_hour_utc
LEFT JOIN clock l ON l.zone = f.zone AND l.hour_utc = date_trunc('hour', f.flown_at)
