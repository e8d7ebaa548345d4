function done(summary, latency)
  io.write(string.format("FIGURES rate=%.0f p50_ms=%.1f p99_ms=%.1f not_2xx=%d\n",
    summary.requests / summary.duration * 1000000, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    summary.errors.status))
end
