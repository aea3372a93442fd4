-- Requests for wrk: see tools/harness/wrk.py.
--
--   args: kind (raw, single, many), recipients of a request, octets of a message, key

local counter = 0
local threads = {}

function setup(thread)
  thread:set("id", #threads)
  table.insert(threads, thread)
end

function init(args)
  kind, recipients, octets = args[1], tonumber(args[2]), tonumber(args[3])
  wrk.method = "POST"
  wrk.headers["Authorization"] = "Bearer " .. args[4]
  wrk.headers["Content-Type"] = kind == "raw" and "message/rfc822" or "application/json"
  accepted, refused = 0, 0
  local line = string.rep("x", 70)
  local text = {}
  local filled = 300
  while filled < octets do
    table.insert(text, line)
    filled = filled + 72
  end
  if kind == "raw" then
    tail = "\r\nFrom: Shop <news@sender.example>\r\nTo: <someone@recipient.example>\r\n"
      .. "Date: Fri, 21 Nov 2025 10:00:00 +0000\r\nMIME-Version: 1.0\r\n"
      .. "Content-Type: text/plain; charset=utf-8\r\nSubject: Your order\r\n\r\n"
      .. table.concat(text, "\r\n") .. "\r\n"
  else
    tail = '"content":{"from":"news@sender.example","to":"someone@recipient.example",'
      .. '"subject":"Your order","text":"' .. table.concat(text, "\\n") .. '"}}'
  end
end

function request()
  counter = counter + 1
  local number = id .. "." .. counter
  if kind == "raw" then
    return wrk.format(
      nil, "/api/v1/inject?sender=bulk%40sender.example&recipient=r" .. number
        .. "%40recipient.example", nil, "Message-ID: <" .. number .. "@sender.example>" .. tail)
  end
  local list = {}
  for index = 1, recipients do
    list[index] = '{"address":"r' .. number .. "." .. index .. '@recipient.example"}'
  end
  return wrk.format(
    nil, "/api/v1/inject", nil,
    '{"sender":"bulk@sender.example","recipients":[' .. table.concat(list, ",") .. "]," .. tail)
end

function response(status)
  if status == 200 then accepted = accepted + 1 else refused = refused + 1 end
end

function done(summary, latency)
  local good, bad = 0, 0
  for _, thread in ipairs(threads) do
    good = good + thread:get("accepted")
    bad = bad + thread:get("refused")
  end
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"seconds":%.6f,"accepted":%d,"refused":%d,"errors":%d,"p50":%.3f,"p99":%.3f}\n',
    summary.duration / 1e6, good, bad,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
