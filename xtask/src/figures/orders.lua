-- One order per request: one line, one of 50 SKUs in turn, each under a key of its own.
local threads = 0
function setup(thread)
  thread:set("thread_number", threads)
  threads = threads + 1
end
function init(args)
  sent = 0
  run = args[1] .. "-" .. thread_number
end
function request()
  sent = sent + 1
  local body = string.format(
    '{"currency":"EUR","lines":[{"sku":"FIGURE-%02d","quantity":1}],' ..
    '"buyer":{"email":"buyer%d@example.com","name":"A Buyer"},' ..
    '"shipping_address":{"line1":"Main street 1","city":"Berlin","postal_code":"10115","country":"DE"},' ..
    '"shipping_method":"standard","payment":{"provider":"test","token":"tok_success"}}', sent % 50, sent)
  local headers = { ["Content-Type"] = "application/json", ["Idempotency-Key"] = run .. "-" .. sent }
  return wrk.format("POST", "/api/orders", headers, body)
end
function done(summary, latency)
  io.write(string.format("FIGURES rate=%.0f p50_ms=%.1f p99_ms=%.1f not_2xx=%d\n",
    summary.requests / summary.duration * 1000000, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    summary.errors.status))
end
