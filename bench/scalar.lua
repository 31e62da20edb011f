-- SPDX-License-Identifier: Apache-2.0
-- The scalar work in Lua: prints one JSON object of figures.
local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end

local n = 20000000
local start = os.clock()
local s = 0
for i = 0, n - 1 do
  s = s + i * i % 7
end
local loop = (os.clock() - start) / n * 1e9
start = os.clock()
fib(30)
local fib30 = (os.clock() - start) * 1e3
print(string.format('{"scalar_loop_ns": %.3f, "fib30_ms": %.3f}', loop, fib30))
