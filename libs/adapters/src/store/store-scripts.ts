/**
 * Projects records, forward only. ARGV: retention in milliseconds, then two fields a record: `<id> <tenant>
 * <index member> <error code or -> <agent>` and the value to store, `<seq> <state> i<json>`; so the script
 * compares without parsing JSON and copies nothing. A value without the `i` is of an older release, which kept
 * no listings by agent and error code; it is written again at the same sequence. Terminal records expire after
 * the retention. Members are added together, one command for each listing: a command from a script costs Redis
 * about 1 µs, and its own entry in the append-only file.
 */
export const PROJECT_SCRIPT = `
local retention = ARGV[1]
local known = ''
local named = {}
local listings = {}
local ended = {}
local seen = {}
local count = 0
local function list(key, member)
  local members = listings[key]
  if not members then
    members = {}
    listings[key] = members
  end
  members[#members + 1] = 0
  members[#members + 1] = member
end
local function flush()
  for key, members in pairs(listings) do
    redis.call('ZADD', key, unpack(members))
  end
  if #ended > 0 then redis.call('HDEL', 'inflight', unpack(ended)) end
  listings = {}
  ended = {}
  seen = {}
  count = 0
end
for i = 2, #ARGV, 2 do
  local id, tenant, member, code, agent = string.match(ARGV[i], '^(%S+) (%S+) (%S+) (%S+) (.+)$')
  local value = ARGV[i + 1]
  local seq, state = string.match(value, '^(%d+) (%a+) ')
  local key = 'task:' .. id
  if seen[id] or count >= 1000 then flush() end
  seen[id] = true
  count = count + 1
  local oldSeq, oldState, listed = string.match(redis.call('GETRANGE', key, 0, 40), '^(%d+) (%a+) (i?)')
  local behind = oldSeq and tonumber(oldSeq) - tonumber(seq)
  if not behind or behind < 0 or (behind == 0 and listed ~= 'i') then
    if state == 'completed' or state == 'failed' or state == 'cancelled' then
      redis.call('SET', key, value, 'PX', retention)
      ended[#ended + 1] = id
    else
      redis.call('SET', key, value)
    end
    if tenant ~= known then
      redis.call('SADD', 'tenants', tenant)
      known = tenant
    end
    local tasks = 'tasks:' .. tenant .. ':'
    if oldState ~= state then
      if oldState then
        redis.call('ZREM', tasks .. oldState, member)
        redis.call('ZREM', tasks .. oldState .. ':agent:' .. agent, member)
      end
      list(tasks .. state, member)
    end
    if oldState ~= state or listed ~= 'i' then
      list(tasks .. state .. ':agent:' .. agent, member)
      if not named[tasks .. agent] then
        redis.call('SADD', tasks .. 'agents', agent)
        named[tasks .. agent] = true
      end
      if state == 'failed' and code ~= '-' then
        list(tasks .. 'failed:error:' .. code, member)
        redis.call('SADD', tasks .. 'errors', code)
      end
    end
  end
end
flush()
return 1
`

/**
 * Removes the names of a tenant whose listings are empty; one script, so that no writer comes between. ARGV:
 * tenant, then the states.
 */
export const FORGET_NAMES_SCRIPT = `
local tasks = 'tasks:' .. ARGV[1] .. ':'
for _, agent in ipairs(redis.call('SMEMBERS', tasks .. 'agents')) do
  local left = 0
  for i = 2, #ARGV do
    left = left + redis.call('EXISTS', tasks .. ARGV[i] .. ':agent:' .. agent)
  end
  if left == 0 then redis.call('SREM', tasks .. 'agents', agent) end
end
for _, code in ipairs(redis.call('SMEMBERS', tasks .. 'errors')) do
  if redis.call('EXISTS', tasks .. 'failed:error:' .. code) == 0 then
    redis.call('SREM', tasks .. 'errors', code)
  end
end
return 1
`

/**
 * Moves the mark of the projection forward. ARGV: the new sequence, and the sequence that the writer has
 * seen. If the mark is below the seen sequence, or missing, the store was reset to an older state: the
 * script leaves it unchanged; -1: none is expected. An unreadable mark counts as none. Answers the position of the mark.
 */
export const MARK_BUILT_SCRIPT = `
local at = tonumber(redis.call('GET', KEYS[1]) or '')
if (at or -1) < tonumber(ARGV[2]) then return at end
if at and at >= tonumber(ARGV[1]) then return at end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]
`

/** Drops in-flight notes that still hold the given value. ARGV: pairs of task id and value. */
export const DROP_STRANDED_SCRIPT = `
for i = 1, #ARGV, 2 do
  if redis.call('HGET', 'inflight', ARGV[i]) == ARGV[i+1] then
    redis.call('HDEL', 'inflight', ARGV[i])
  end
end
return 1
`

/**
 * One step of a search for the in-flight notes of a node, on the server: of a hundred thousand notes only the
 * few thousand matching ones are sent. ARGV: cursor, entries to look at, `<node> `. Answers the next cursor,
 * then task id and value of each note found.
 */
export const INFLIGHT_OF_SCRIPT = `
local page = redis.call('HSCAN', 'inflight', ARGV[1], 'COUNT', ARGV[2])
local prefix = ARGV[3]
local length = #prefix
local entries = page[2]
local found = { page[1] }
for i = 1, #entries, 2 do
  if string.sub(entries[i + 1], 1, length) == prefix then
    found[#found + 1] = entries[i]
    found[#found + 1] = entries[i + 1]
  end
end
return found
`
