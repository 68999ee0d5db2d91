/**
 * The buckets of a provider's key, shared by the whole fleet. They fill evenly by the clock of Redis (so
 * nodes need no common clock). A bucket may go below zero: a call then has a grant for a moment in the near
 * future. Hash: `r` and `k` requests and tokens left, `t` the time of these figures (ms), `closed` no call
 * may begin before this time, `lr` and `lt` limits that the provider has named.
 */
const REFILL = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local state = redis.call('HMGET', KEYS[1], 'r', 'k', 't', 'closed', 'lr', 'lt')
local function least(configured, learned)
  if configured == 0 then return learned end
  if learned == 0 then return configured end
  return math.min(configured, learned)
end
local rpm = least(tonumber(ARGV[1]), tonumber(state[5] or 0))
local tpm = least(tonumber(ARGV[2]), tonumber(state[6] or 0))
local burst = tonumber(ARGV[3])
local elapsed = math.max(0, now - tonumber(state[3] or now))
local function level(limit, before)
  local size = math.max(1, limit * burst / 60000)
  return math.min(size, tonumber(before or size) + elapsed * limit / 60000), size
end
local r, sizeR = level(rpm, state[1])
local k, sizeK = level(tpm, state[2])
local closed = math.max(0, tonumber(state[4] or 0) - now)
`

const SAVE = `
redis.call('HSET', KEYS[1], 'r', r, 'k', k, 't', string.format('%.3f', now))
redis.call('PEXPIRE', KEYS[1], 86400000)
`

/**
 * Asks for grants for calls, in the order in which they are to begin. KEYS: buckets, calls under way, nodes
 * that wait. ARGV: rpm, tpm, burst ms, concurrent, horizon ms, node, lease ms, number of all waiting calls,
 * then id and tokens of each call. Answers: wait in ms before the other calls may ask again, closed for ms,
 * nodes that wait, rpm, tpm, then for each granted call the ms until it may begin.
 */
export const RESERVE_SCRIPT = `${REFILL}
local concurrent, horizon, node, lease = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - 2000)
redis.call('ZADD', KEYS[3], now, node)
local nodes = redis.call('ZCARD', KEYS[3])
-- No node takes the whole horizon while others wait; twice its share, as some ask late.
local share = rpm > 0 and math.max(1, math.ceil(2 * rpm * horizon / 60000 / nodes)) or 1000000
local live = 0
if concurrent > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
  live = redis.call('ZCARD', KEYS[2])
end
local granted, wait = {}, 0
for i = 9, #ARGV, 2 do
  local tokens = tonumber(ARGV[i + 1])
  if #granted >= share then wait = horizon / 4 break end
  if concurrent > 0 and live >= concurrent then wait = 50 break end
  local delay = closed
  if rpm > 0 and r < 1 then delay = math.max(delay, (1 - r) * 60000 / rpm) end
  local needed = math.min(tokens, sizeK)
  if tpm > 0 and k < needed then delay = math.max(delay, (needed - k) * 60000 / tpm) end
  -- Several moments at once are one question less.
  if delay > horizon then wait = math.max(delay - horizon, horizon / 8) break end
  if rpm > 0 then r = r - 1 end
  if tpm > 0 then k = k - tokens end
  if concurrent > 0 then
    live = live + 1
    redis.call('ZADD', KEYS[2], now + lease + delay, ARGV[i])
  end
  granted[#granted + 1] = math.ceil(delay)
end
if #granted >= tonumber(ARGV[8]) then redis.call('ZREM', KEYS[3], node) end
redis.call('PEXPIRE', KEYS[3], 60000)
if concurrent > 0 then redis.call('PEXPIRE', KEYS[2], lease * 2) end
${SAVE}
local answer = { math.ceil(wait), math.ceil(closed), nodes, rpm, tpm }
for i = 1, #granted do answer[5 + i] = granted[i] end
return answer
`

/**
 * Tells a call that leaves the wait queue when to return: such calls return one after the other, a little
 * faster than the limits admit them, so that the queue does not run empty first. KEYS: buckets, the latest return
 * of each
 * tenant. ARGV: rpm, tpm, burst ms, tokens of the call, least and greatest delay in ms, tenant. Answers the
 * delay. Each
 * tenant has its own row of returns, so the calls of one do not push those of another back.
 */
export const PARK_SCRIPT = `${REFILL}
local least, most = tonumber(ARGV[5]), tonumber(ARGV[6])
local apart = 0
if rpm > 0 then apart = 60000 / rpm end
if tpm > 0 then apart = math.max(apart, tonumber(ARGV[4]) * 60000 / tpm) end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local last = tonumber(redis.call('ZSCORE', KEYS[2], ARGV[7]) or 0)
local rows = redis.call('ZCARD', KEYS[2])
if last == 0 then rows = rows + 1 end
local at = math.max(last, now + math.max(least, closed)) + apart * 0.8 * rows
if at - now > most then return math.ceil(most) end
redis.call('ZADD', KEYS[2], string.format('%.3f', at), ARGV[7])
redis.call('PEXPIRE', KEYS[2], math.ceil(most) + 60000)
${SAVE}
return math.ceil(at - now)
`

/**
 * Settles calls. KEYS: buckets, calls under way. ARGV: rpm, tpm, burst ms, requests given back, tokens given
 * back (below zero: more were used), close for ms, limits and remainders that the provider has named (0 and
 * -1: none), then the ids of finished calls.
 */
export const SETTLE_SCRIPT = `${REFILL}
r = math.min(sizeR, r + tonumber(ARGV[4]))
k = math.min(sizeK, k + tonumber(ARGV[5]))
local close = tonumber(ARGV[6])
if close > closed then redis.call('HSET', KEYS[1], 'closed', string.format('%.3f', now + close)) end
local lr, lt, restR, restT = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
if lr > 0 then redis.call('HSET', KEYS[1], 'lr', lr) end
if lt > 0 then redis.call('HSET', KEYS[1], 'lt', lt) end
-- Somebody else uses the same key: what the provider has left is all there is.
if restR >= 0 and restR < r then r = restR end
if restT >= 0 and restT < k then k = restT end
for i = 11, #ARGV do redis.call('ZREM', KEYS[2], ARGV[i]) end
${SAVE}
return 1
`

/**
 * Reports that a node lives, and reads the keys that it uses. KEYS: nodes, then the buckets of each key, then
 * as many sets of calls under way. ARGV: node, lease ms, then for each key a list of its calls under way, ids
 * separated by blanks. Answers: number of living nodes, then for each key: closed for ms, rpm, tpm as named, requests
 * and tokens left at the last change, and ms since then (-1: never used).
 */
export const TOUCH_SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 15000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('PEXPIRE', KEYS[1], 60000)
local answer = { redis.call('ZCARD', KEYS[1]) }
local count = (#KEYS - 1) / 2
for i = 1, count do
  local state = redis.call('HMGET', KEYS[1 + i], 'closed', 'lr', 'lt', 'r', 'k', 't')
  answer[#answer + 1] = math.ceil(math.max(0, tonumber(state[1] or 0) - now))
  answer[#answer + 1] = tonumber(state[2] or 0)
  answer[#answer + 1] = tonumber(state[3] or 0)
  answer[#answer + 1] = math.floor(tonumber(state[4] or 0))
  answer[#answer + 1] = math.floor(tonumber(state[5] or 0))
  answer[#answer + 1] = state[6] and math.floor(math.max(0, now - tonumber(state[6]))) or -1
  for id in string.gmatch(ARGV[2 + i], '%S+') do
    redis.call('ZADD', KEYS[1 + count + i], 'XX', now + tonumber(ARGV[2]), id)
  end
end
return answer
`

/**
 * Lua: `dayOf(seconds)` is the day of a time in seconds since 1970, in the form of the keys of usage. Redis gives
 * scripts the time but no calendar; this is the one of Gregory, whose years begin in March here.
 */
export const DAY_OF = `
local function dayOf(seconds)
  local days = math.floor(seconds / 86400) + 719468
  local era = math.floor(days / 146097)
  local dayOfEra = days - era * 146097
  local year = math.floor((dayOfEra - math.floor(dayOfEra / 1460) + math.floor(dayOfEra / 36524) - math.floor(dayOfEra / 146096)) / 365)
  local dayOfYear = dayOfEra - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local month = math.floor((5 * dayOfYear + 2) / 153)
  local day = dayOfYear - math.floor((153 * month + 2) / 5) + 1
  month = month < 10 and month + 3 or month - 9
  return string.format('%04d-%02d-%02d', year + era * 400 + (month <= 2 and 1 or 0), month, day)
end
`

/**
 * Reserves a part of a tenant's budget. KEYS: reservations by expiry, their amounts. ARGV:
 * tokens and nano-dollars of the day and of the hour that may be used (-1: any), id, tokens and nano-dollars
 * of the call, lifetime ms, and the beginning of the keys of the tenant's totals (an argument, since workers may
 * only read these keys). The day and the hour are those of Redis: a node with a wrong clock would compare with
 * the totals of another day. Answers '' (reserved); 'exceeded', with the limit of the four that the call would exceed
 * by itself, the usage that the log counts for it, and the present time in ms; or 'held', if the call only has to wait for other calls:
 * these set aside more than they use, and for a moment their usage counts twice, here and in the totals. A known
 * id takes the new amounts without a check; it is the result of its call.
 * ARGV[10] names the hash that says up to when usage is counted: while no coordinator counts, nothing
 * that was set aside expires, because the totals do not have it yet.
 */
export const BUDGET_SCRIPT = `${DAY_OF}local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local hour, id = string.format('%02d', math.floor(time[1] / 3600) % 24), ARGV[5]
local totals = ARGV[9] .. dayOf(time[1])
local tokens, nano, ttl = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local function add(of, sign)
  local old = redis.call('HGET', KEYS[2], of)
  if not old then return false end
  local t, n = string.match(old, '^(%-?%d+) (%-?%d+)$')
  redis.call('HINCRBY', KEYS[2], '=t', string.format('%d', sign * tonumber(t)))
  redis.call('HINCRBY', KEYS[2], '=n', string.format('%d', sign * tonumber(n)))
  redis.call('HDEL', KEYS[2], of)
  redis.call('ZREM', KEYS[1], of)
  return true
end
local followed = tonumber(redis.call('HGET', ARGV[10], 'atMs') or now)
local counted = math.min(now, followed)
for _, old in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', counted, 'LIMIT', 0, 1000)) do add(old, -1) end
local known = add(id, -1)
if not known then
  local held = redis.call('HMGET', KEYS[2], '=t', '=n')
  local used = redis.call('HMGET', totals, '=|tokens', '=|nano', hour .. '|tokens', hour .. '|nano')
  local names = { 'tokens-per-day', 'usd-per-day', 'tokens-per-hour', 'usd-per-hour' }
  local waits = false
  for i = 1, 4 do
    local most, before = tonumber(ARGV[i]), tonumber(used[i] or 0)
    local own, others = tokens, tonumber(held[1] or 0)
    if i % 2 == 0 then own, others = nano, tonumber(held[2] or 0) end
    if most >= 0 and before + own > most then
      return 'exceeded ' .. names[i] .. ' ' .. string.format('%d', before) .. ' ' .. string.format('%d', now)
    end
    waits = waits or (most >= 0 and before + others + own > most)
  end
  if waits then return 'held' end
end
if ttl > 0 then
  redis.call('ZADD', KEYS[1], now + ttl, id)
  redis.call('HSET', KEYS[2], id, string.format('%d %d', tokens, nano))
  redis.call('HINCRBY', KEYS[2], '=t', string.format('%d', tokens))
  redis.call('HINCRBY', KEYS[2], '=n', string.format('%d', nano))
end
redis.call('PEXPIRE', KEYS[1], 86400000)
redis.call('PEXPIRE', KEYS[2], 86400000)
return ''
`

/**
 * Answers the tokens and the nano-dollars that calls under way set aside of a tenant's budget: only what
 * BUDGET_SCRIPT would still count. ARGV: its reservations by expiry, their amounts, and the hash that says up to
 * when usage is counted; they are arguments, since gateways may only read these keys. It subtracts at most 1,000
 * expired reservations: each call of the tenant removes as many.
 */
export const SET_ASIDE_SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local counted = math.min(now, tonumber(redis.call('HMGET', ARGV[3], 'atMs')[1] or now))
if redis.call('ZCOUNT', ARGV[1], '(' .. counted, '+inf') == 0 then return { '0', '0' } end
local sums = redis.call('HMGET', ARGV[2], '=t', '=n')
local tokens, nano = tonumber(sums[1] or 0), tonumber(sums[2] or 0)
local expired = redis.call('ZRANGEBYSCORE', ARGV[1], '-inf', counted, 'LIMIT', 0, 1000)
if #expired > 0 then
  for _, amounts in ipairs(redis.call('HMGET', ARGV[2], unpack(expired))) do
    local t, n = string.match(amounts or '', '^(%-?%d+) (%-?%d+)$')
    tokens, nano = tokens - (t or 0), nano - (n or 0)
  end
end
return { string.format('%d', tokens), string.format('%d', nano) }
`

/** Notes that all usage until now is counted. KEYS: the note. */
export const USAGE_FOLLOWED_SCRIPT = `
local time = redis.call('TIME')
redis.call('HSET', KEYS[1], 'atMs', string.format('%d', time[1] * 1000 + time[2] / 1000))
`

/**
 * Adds to the totals of usage if their position is the one the writer expects. KEYS: position. ARGV: expected
 * position, new position, lifetime of a day's totals in ms, the most models, agents, tenants or values of a day, the
 * number of tenants, then for each key and owner: key, owner, number of fields, and each field with its increment,
 * the calls of a name first. A new name counts for its owner, which has a share of the names of a key, as
 * `decideShare` decides it; without an owner there are no shares. Answers the position afterwards. A total that would
 * exceed the numbers of Redis stays unchanged, so that false reports of one node cannot stop the count of all tenants.
 */
export const ADD_USAGE_SCRIPT = `
local position = redis.call('GET', KEYS[1]) or '0'
if position ~= ARGV[1] then return position end
local most = tonumber(ARGV[4])
local tenants = tonumber(ARGV[5])
local function hasPlace(key, kind, owner)
  local names = tonumber(redis.call('HGET', key, '=|' .. kind) or '0')
  -- Half of the places are within every share.
  if owner == '' or tenants <= 1 or names < math.floor(most / 2) then return names < most end
  local own = tonumber(redis.call('HGET', key, '=' .. owner .. '|' .. kind) or '0')
  return names < most and own < math.floor((most - names + own) / 2)
end
local at = 6
while at <= #ARGV do
  local key, owner, fields = ARGV[at], ARGV[at + 1], at + 3
  at = fields + 2 * ARGV[at + 2]
  for i = fields, at - 1, 2 do
    local field = ARGV[i]
    local name, what = string.match(field, '^(.*)|(%a+)$')
    local others, kind
    if string.sub(name, 1, 1) == '@' then
      others, kind = '@(others)', 'agents'
    elseif string.find(name, ' ', 1, true) then
      others, kind = '(others) (others)', 'models'
    end
    if others and name ~= others and not redis.call('HGET', key, name .. '|calls') then
      if what == 'calls' and hasPlace(key, kind, owner) then
        redis.call('HINCRBY', key, '=|' .. kind, 1)
        if owner ~= '' then redis.call('HINCRBY', key, '=' .. owner .. '|' .. kind, 1) end
      else
        field = others .. '|' .. what
      end
    end
    local grown = redis.pcall('HINCRBY', key, field, ARGV[i + 1])
    if type(grown) == 'table' and grown.err and not string.find(grown.err, 'overflow') then return grown end
  end
  redis.call('PEXPIRE', key, ARGV[3])
end
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]
`
