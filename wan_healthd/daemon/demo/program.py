"""What a program of yours could look like: it hears of every verdict."""

import asyncio
import sys

from wan_healthd import CorruptionReport, IntegrityResult, ModelHealthMonitor


def on_health(result: IntegrityResult) -> None:
    """Called with every verdict."""
    score = f"score {result.integrity_score:.2f}"
    print(f"{result.model_id} is {result.health_status}, {score}", flush=True)


async def on_corruption(report: CorruptionReport) -> None:
    """Called after every look for damage; plain or async, as you like."""
    if report.corruption_detected:
        kinds = ", ".join(report.corruption_types)
        print(f"{report.model_id} has {kinds}: {report.severity}", flush=True)


async def main(folder: str) -> None:
    """Watch until somebody ends it."""
    monitor = ModelHealthMonitor(folder)
    monitor.add_health_callback(on_health)
    monitor.add_corruption_callback(on_corruption)
    await monitor.schedule_health_checks()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
