-- Sends prepared requests one after the other, over and over; nothing is put together while wrk measures.
-- BENCH_REQUESTS names a file of whole HTTP requests, separated by NUL; BENCH_START how many of them are passed
-- over at first.

local requests, following = {}, 0

function init()
  local file = assert(io.open(os.getenv("BENCH_REQUESTS"), "rb"))
  for request in file:read("*a"):gmatch("[^%z]+") do
    requests[#requests + 1] = request
  end
  file:close()
  following = tonumber(os.getenv("BENCH_START") or 0) % #requests
end

function request()
  following = following + 1
  if following > #requests then
    following = 1
  end
  return requests[following]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\nBENCH {"requests": %d, "seconds": %.6f, "errors": %d, "p50_ms": %.3f, "p99_ms": %.3f}\n',
    summary.requests, summary.duration / 1e6,
    e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
