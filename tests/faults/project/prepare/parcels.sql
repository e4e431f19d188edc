-- One row a parcel. Row by row only.
SELECT parcel, sent_at, arrived_at, depot, CAST(weight AS DOUBLE) AS weight, CAST(distance AS DOUBLE) AS distance,
       CAST(hours AS DOUBLE) AS hours
FROM parcels
