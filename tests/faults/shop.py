"""The data of the faults suite: parcels of a small shop and the weather at its depots, the same for the same seed."""
import csv
import datetime
import math
import pathlib
import random
import re
import shutil

BEGIN = datetime.datetime(2024, 1, 1)
REPLAY_FROM = "2024-02-10"
REPLAY_TO = "2024-04-10"
DAYS = 101
PARCELS_A_DAY = 40
DRIFT_FROM_DAY = 60  # from here on parcels are heavier and go farther
DEPOTS = ("north", "south", "west")


def stamp(instant):
    return instant.strftime("%Y-%m-%d %H:%M:%S")


def write_project(folder, search=True):
    """A copy of project/ with its CSV files; without its search a pipeline takes half the time."""
    shutil.copytree(pathlib.Path(__file__).parent / "project", folder)
    if not search:
        file = folder / "keelson.yaml"
        file.write_text(re.sub(r"^  search:\n(?:    .*\n)+", "", file.read_text(), flags=re.M))
    dice = random.Random(20240101)
    rain = {}
    with open(folder / "weather.csv", "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["observed_at", "depot", "rain"])
        for hour in range(0, DAYS * 24, 6):
            for depot in DEPOTS:
                rain[depot, hour] = round(max(0.0, dice.gauss(2, 4)), 1)
                out.writerow([stamp(BEGIN + datetime.timedelta(hours=hour)), depot, rain[depot, hour]])
    with open(folder / "parcels.csv", "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["parcel", "sent_at", "arrived_at", "depot", "weight", "distance", "hours"])
        for day in range(DAYS):
            drifted = day >= DRIFT_FROM_DAY
            minutes = sorted(dice.sample(range(1440), PARCELS_A_DAY))
            for number, minute in enumerate(minutes):
                sent = BEGIN + datetime.timedelta(days=day, minutes=minute)
                depot = dice.choice(DEPOTS)
                weight = round(dice.uniform(1, 10) * (2 if drifted else 1), 2)
                distance = round(dice.uniform(10, 400) + (150 if drifted else 0), 1)
                wet = rain[depot, (day * 24 + minute // 60) // 6 * 6]
                slow = 0.02 * distance * (1 if not drifted else 0.6) + wet + (3 if depot == "west" else 0)
                hours = round(14 + slow + 5 * math.sqrt(weight) * 0.4 + dice.expovariate(0.25), 1)
                arrived = sent + datetime.timedelta(hours=hours)
                out.writerow([f"p{day:03}-{number:02}", stamp(sent), stamp(arrived), depot, weight, distance, hours])


def sent_at_by_parcel(folder):
    """Microseconds at which each parcel was sent, which is when it is asked for."""
    epoch = datetime.datetime(1970, 1, 1)
    with open(folder / "parcels.csv", newline="") as file:
        return {row["parcel"]: round((datetime.datetime.fromisoformat(row["sent_at"]) - epoch) / datetime.timedelta(microseconds=1))
                for row in csv.DictReader(file)}


def pushed_rows(folder, prefix):
    """The rows of the parcels' prepared table whose name begins so, as a client pushes them."""
    with open(folder / "parcels.csv", newline="") as file:
        return [{**row, **{name: row[name].replace(" ", "T") + "Z" for name in ("sent_at", "arrived_at")},
                 **{name: float(row[name]) for name in ("weight", "distance", "hours")}}
                for row in csv.DictReader(file) if row["parcel"].startswith(prefix)]
