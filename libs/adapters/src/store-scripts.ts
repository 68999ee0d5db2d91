/**
 * Projects records, forward only. ARGV: retention in milliseconds, then six fields a record: id,
 * sequence, tenant, state, index member, JSON. A stored value is `<seq> <state> <json>`, so the
 * script compares without parsing JSON. Terminal records expire after the retention.
 */
export const PROJECT_SCRIPT = `
local retention = ARGV[1]
local known = ''
for i = 2, #ARGV, 6 do
  local id, seq, tenant, state, member = ARGV[i], ARGV[i+1], ARGV[i+2], ARGV[i+3], ARGV[i+4]
  local key = 'task:' .. id
  local head = redis.call('GETRANGE', key, 0, 40)
  local oldSeq, oldState = string.match(head, '^(%d+) (%a+) ')
  if not oldSeq or tonumber(oldSeq) < tonumber(seq) then
    local value = seq .. ' ' .. state .. ' ' .. ARGV[i+5]
    local terminal = state == 'completed' or state == 'failed' or state == 'cancelled'
    if terminal then
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

/** Drops in-flight notes that still hold the given value. ARGV: pairs of task id and value. */
export const DROP_STRANDED_SCRIPT = `
for i = 1, #ARGV, 2 do
  if redis.call('HGET', 'inflight', ARGV[i]) == ARGV[i+1] then
    redis.call('HDEL', 'inflight', ARGV[i])
  end
end
return 1
`
