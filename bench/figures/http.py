"""What one request costs our HTTP edge and our gateway (bench/io/http_bench.cc)."""
from harness import figure


def measure(context):
    requests = 200 if context.smoke else 20_000
    by_name = {}
    for line in context.program(context.build / "bench/io/keelson_http_bench", requests):
        by_name.setdefault(line["figure"], []).append(line)
    figures = []
    for name, lines in by_name.items():
        figures.append(figure(f"{name}: CPU of the server a request", "us", [line["server_cpu_us"] for line in lines]))
        if "p50_us" in lines[0]:
            figures.append(figure(f"{name}: p50", "us", [line["p50_us"] for line in lines],
                                  note=f"p99 {max(line['p99_us'] for line in lines):.0f}"))
    return figures
