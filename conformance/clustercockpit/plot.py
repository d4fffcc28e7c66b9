#!/usr/bin/env python3
"""Plots the series of a job as ClusterCockpit's interface tells them: one panel for each metric, with its thresholds.

    quintet token me --for clustercockpit --role api > token
    python3 plot.py http://127.0.0.1:6820 $(cat token) JOB_ID OUT.png [METRIC...]

JOB_ID is the job's number on its cluster. Without metrics all are shown that have values. Needs matplotlib.
"""

import json
import sys
import urllib.request

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def ask(base, token, path, body=None):
    """Asks the interface and returns its answer; with a body by POST."""
    data = None if body is None else body.encode()
    request = urllib.request.Request(f"{base}/api{path}", data=data, headers={"X-Auth-Token": token})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def find(base, token, number):
    """Returns the newest record of a job by its number on its cluster."""
    listed = ask(base, token, "/jobs/?items-per-page=-1")["jobs"]
    found = [record for record in listed if record["jobId"] == number]
    if not found:
        sys.exit(f"no job {number} is known to monitoring")
    return found[0]


def units(unit):
    """Returns the words for a unit."""
    return f"{unit.get('prefix', '')}{unit.get('base', '')}"


def panel(axes, one, thresholds):
    """Draws one metric."""
    metric, step = one["metric"], one["metric"]["timestep"]
    for series in metric["series"]:
        values = series["data"]
        known = [(at * step, value) for at, value in enumerate(values) if value is not None]
        label = f"{one['scope']} {series['id']}" if series.get("id") else series["hostname"]
        axes.plot([at for at, _ in known], [value for _, value in known], marker=".", linewidth=1, label=label)
    top = axes.get_ylim()[1]
    normal = thresholds.get(one["name"])
    if normal and normal <= 1.5 * top:
        axes.axhline(normal, linestyle="--", linewidth=0.8, color="grey")
    axes.set_ylim(bottom=0)
    axes.set_title(f"{one['name']} ({units(metric['unit']) or '1'}, {one['scope']})", fontsize=9)
    axes.tick_params(labelsize=7)
    if len(metric["series"]) > 1:
        axes.legend(fontsize=6)


def main():
    base, token, number, out, *wanted = sys.argv[1:]
    record = find(base, token, int(number))
    shown = ask(base, token, f"/jobs/{record['id']}", json.dumps(wanted or None))
    clusters = ask(base, token, f"/clusters/?cluster={record['cluster']}")["clusters"]
    thresholds = {metric["name"]: metric.get("normal") for metric in clusters[0]["metricConfig"]}
    data = [one for one in shown["Data"] if any(v is not None for s in one["metric"]["series"] for v in s["data"])]
    columns = 3
    rows = max(1, -(-len(data) // columns))
    figure, axes = plt.subplots(rows, columns, figsize=(4.2 * columns, 2.2 * rows), squeeze=False)
    flat = [one for row in axes for one in row]
    for place, one in zip(flat, data):
        panel(place, one, thresholds)
    for place in flat[len(data):]:
        place.axis("off")
    figure.suptitle(f"job {number} on {record['cluster']}: {record['jobState']}, {record['duration']} s", fontsize=11)
    figure.tight_layout(rect=(0, 0, 1, 0.97))
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    main()
