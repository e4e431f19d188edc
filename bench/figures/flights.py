"""The flights' expectation suites over all rows, and the point-in-time join of all their history aggregates."""
from harness import figure


def measure(context):
    limit = ["--rows", "3000"] if context.smoke else []
    lines = context.program(context.build / "bench/flights/keelson_flights_bench", context.flights(), "--runs", context.runs, *limit)
    read, = [line for line in lines if line["figure"] == "read"]
    join, = [line for line in lines if line["figure"] == "join"]
    suites = [line for line in lines if line["figure"] == "suite"]
    figures = [figure("flights: read and prepare the sources", "s", read["wall_s"], note=f"{read['cpu_s'][0]:.2f} s of CPU")]
    for suite in suites:
        words = f"{suite['rows']:,} rows, {suite['expectations']} expectations, {suite['failed']} failed"
        demand = 1 if suite["table"] == "flights" else None
        figures.append(figure(f"suite of {suite['table']}", "s", suite["wall_s"], demand, note=words))
        figures.append(figure(f"suite of {suite['table']}, CPU", "s", suite["cpu_s"], demand))
    words = f"{join['rows']:,} rows, {join['features']} features"
    figures.append(figure("flights: features and join", "s", join["wall_s"], 10, note=words))
    figures.append(figure("flights: features and join, CPU", "s", join["cpu_s"], 10))
    return figures
