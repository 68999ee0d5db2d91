/**
 * Projects records, forward only. ARGV: retention in milliseconds, then two fields a record: `<id> <tenant>
 * <index member>` and the value to store, `<seq> <state> <json>`; so the script compares without parsing JSON
 * and copies nothing. Terminal records expire after the retention.
 */
export const PROJECT_SCRIPT = `
local retention = ARGV[1]
local known = ''
for i = 2, #ARGV, 2 do
  local id, tenant, member = string.match(ARGV[i], '^(%S+) (%S+) (%S+)$')
  local value = ARGV[i + 1]
  local seq, state = string.match(value, '^(%d+) (%a+) ')
  local key = 'task:' .. id
  local oldSeq, oldState = string.match(redis.call('GETRANGE', key, 0, 40), '^(%d+) (%a+) ')
  if not oldSeq or tonumber(oldSeq) < tonumber(seq) then
    if state == 'completed' or state == 'failed' or state == 'cancelled' then
      redis.call('SET', key, value, 'PX', retention)
      redis.call('HDEL', 'inflight', id)
    else
      redis.call('SET', key, value)
    end
    if tenant ~= known then
      redis.call('SADD', 'tenants', tenant)
      known = tenant
    end
    if oldState ~= state then
      if oldState then redis.call('ZREM', 'tasks:' .. tenant .. ':' .. oldState, member) end
      redis.call('ZADD', 'tasks:' .. tenant .. ':' .. state, 0, member)
    end
  end
end
return 1
`

/**
 * Moves the mark of the projection forward. ARGV: the new sequence, and the one that the writer has seen. If
 * the mark is below that one, or missing, the store was reset to an older state: the script leaves it
 * unchanged; -1: none is expected. Answers the position of the mark.
 */
export const MARK_BUILT_SCRIPT = `
local at = redis.call('GET', KEYS[1])
if tonumber(at or '-1') < tonumber(ARGV[2]) then return at end
if at and tonumber(at) >= tonumber(ARGV[1]) then return at end
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
