/**
 * The scripts of the log. Each is atomic, touches the keys of one campaign (ORPHANS and HEADS read one key of each of
 * many), and does no arithmetic on versions: ids arrive as text, because Lua prints 2^53 - 1 as 9.007e+15. They compare
 * versions as numbers, which is exact that far.
 *
 * A campaign is in the log under a `generation`, a number that the archive gives out and raises whenever the campaign
 * enters the log anew, and under the `run` of the Redis process that holds it. Either differing means that something
 * was lost, or may have been: a flushed Redis, a promoted replica, a restart. Nothing is appended then; who asked takes
 * the campaign's seat anew (see `engine/seat.ts`).
 */
const PREAMBLE = `
local function run_id()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
end
local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
-- Whether the log's line passes through that version with that tail; true as well where the entry has been trimmed.
local function passes(log, version, tail)
  local at = redis.call('XRANGE', log, version .. '-0', version .. '-0')
  if #at == 0 then return true end
  local fields = at[1][2]
  for i = 1, #fields, 2 do
    if fields[i] == 't' then return fields[i + 1] == tail end
  end
  return false
end
`;

/**
 * KEYS meta, log, dirty · ARGV generation, expected version, expected tail, campaign, channel, instance, lease ms,
 * expected epoch, then version, bytes and tail of each entry. Answers `lost`, `conflict` with the entries after the
 * expected version, or `appended` with who archives. With no entries it only confirms the head.
 */
export const APPEND = `${PREAMBLE}
local meta = redis.call('HMGET', KEYS[1], 'generation', 'run', 'version', 'tail', 'lease', 'leaseUntil', 'epoch')
if meta[1] ~= ARGV[1] or meta[2] ~= run_id() or meta[7] ~= ARGV[8] then return {'lost'} end
if meta[3] ~= ARGV[2] then
  if tonumber(meta[3]) < tonumber(ARGV[2]) or not passes(KEYS[2], ARGV[2], ARGV[3]) then return {'lost'} end
  return {'conflict', redis.call('XRANGE', KEYS[2], '(' .. ARGV[2] .. '-0', '+', 'COUNT', 1000)}
end
if meta[4] ~= ARGV[3] then return {'lost'} end
if #ARGV == 8 then return {'appended', ''} end
local last = #ARGV - 2
for i = 9, last, 3 do
  redis.call('XADD', KEYS[2], ARGV[i] .. '-0', 'b', ARGV[i + 1], 't', ARGV[i + 2])
end
local now = now_ms()
local holder = meta[5]
if not holder or holder == ARGV[6] or tonumber(meta[6]) < now then holder = ARGV[6] end
local lease_until = meta[6]
if holder == ARGV[6] then lease_until = string.format('%d', now + tonumber(ARGV[7])) end
redis.call('HSET', KEYS[1], 'version', ARGV[last], 'tail', ARGV[last + 2], 'lease', holder, 'leaseUntil', lease_until)
redis.call('ZADD', KEYS[3], 'NX', now, ARGV[4])
for i = 9, last, 3 do
  redis.call('SPUBLISH', ARGV[5], 'e' .. ARGV[i + 2] .. ' ' .. ARGV[i + 1])
end
return {'appended', holder}
`;

/**
 * KEYS meta, log · ARGV generation, archived version, archived tail, epoch. Answers `absent` (not here, or not on the
 * archive's line), `trimmed` (the archive was read before it took what has been trimmed since: read again), or `opened`
 * with version, tail, durable and the entries after the archived version.
 */
export const OPEN = `${PREAMBLE}
local meta = redis.call('HMGET', KEYS[1], 'generation', 'run', 'version', 'tail', 'durable', 'epoch')
if meta[1] ~= ARGV[1] or meta[2] ~= run_id() or meta[6] ~= ARGV[4] then return {'absent'} end
local version, archived = tonumber(meta[3]), tonumber(ARGV[2])
if version < archived then return {'absent'} end
if version == archived then
  if meta[4] ~= ARGV[3] then return {'absent'} end
  return {'opened', meta[3], meta[4], meta[5], {}}
end
if not passes(KEYS[2], ARGV[2], ARGV[3]) then return {'absent'} end
local entries = redis.call('XRANGE', KEYS[2], '(' .. ARGV[2] .. '-0', '+')
if #entries ~= version - archived then return {'trimmed'} end
return {'opened', meta[3], meta[4], meta[5], entries}
`;

/**
 * KEYS meta, log, dirty · ARGV generation, epoch, version, tail, campaign, channel. The campaign enters the log under a
 * generation that the archive has just given out; a generation that was overtaken changes nothing. Whoever hosts the
 * campaign is told the generation.
 */
export const SEED = `${PREAMBLE}
local generation = redis.call('HGET', KEYS[1], 'generation')
if generation and tonumber(generation) >= tonumber(ARGV[1]) then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[5])
redis.call('HSET', KEYS[1], 'generation', ARGV[1], 'run', run_id(), 'epoch', ARGV[2], 'version', ARGV[3], 'tail', ARGV[4], 'durable', ARGV[3])
redis.call('SPUBLISH', ARGV[6], 'r' .. ARGV[1])
return 1
`;

/**
 * KEYS meta, log, dirty · ARGV epoch, version, campaign, channel, oldest id to keep. The watermark goes forward only,
 * and never past the log's head; what it has passed is trimmed, but for a tail that repairs gaps. Answers where it
 * stands now, or an empty text where it has not moved.
 */
export const DURABLE = `${PREAMBLE}
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'version', 'durable')
if meta[1] ~= ARGV[1] then return '' end
local version = ARGV[2]
if tonumber(version) > tonumber(meta[2]) then version = meta[2] end
if tonumber(version) <= tonumber(meta[3]) then return '' end
redis.call('HSET', KEYS[1], 'durable', version)
redis.call('XTRIM', KEYS[2], 'MINID', ARGV[5])
if meta[2] == version then
  redis.call('ZREM', KEYS[3], ARGV[3])
else
  redis.call('ZADD', KEYS[3], 'XX', now_ms(), ARGV[3])
end
redis.call('SPUBLISH', ARGV[4], 'd' .. ARGV[1] .. ' ' .. version)
return version
`;

/**
 * KEYS meta, log · ARGV generation, channel. The campaign leaves the log if all of it is durable and no other instance
 * listens to it.
 */
export const LEAVE = `${PREAMBLE}
local meta = redis.call('HMGET', KEYS[1], 'generation', 'version', 'durable')
if meta[1] ~= ARGV[1] or meta[2] ~= meta[3] then return 0 end
if redis.call('PUBSUB', 'SHARDNUMSUB', ARGV[2])[2] > 0 then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
return 1
`;

/**
 * KEYS meta, log · ARGV instance, lease ms, count. `1` and the entries that are not yet durable, for whoever holds the
 * lease or finds it free; else `0`. An economy that keeps two archivers off the same work: correctness is the archive's
 * guard.
 */
export const TAKE = `${PREAMBLE}
local meta = redis.call('HMGET', KEYS[1], 'durable', 'lease', 'leaseUntil')
if not meta[1] then return {0} end
local now = now_ms()
if meta[2] and meta[2] ~= ARGV[1] and tonumber(meta[3]) >= now then return {0} end
redis.call('HSET', KEYS[1], 'lease', ARGV[1], 'leaseUntil', string.format('%d', now + tonumber(ARGV[2])))
return {1, redis.call('XRANGE', KEYS[2], '(' .. meta[1] .. '-0', '+', 'COUNT', ARGV[3])}
`;

/**
 * KEYS meta of campaigns · ARGV instance. Gives up the leases that this instance holds; answers `1` for each campaign
 * of those that is not durable.
 */
export const RELEASE = `
local waiting = {}
for i, key in ipairs(KEYS) do
  local meta = redis.call('HMGET', key, 'lease', 'version', 'durable')
  waiting[i] = 0
  if meta[1] == ARGV[1] then
    redis.call('HDEL', key, 'lease', 'leaseUntil')
    if meta[2] ~= meta[3] then waiting[i] = 1 end
  end
end
return waiting
`;

/**
 * KEYS dirty of partitions · ARGV age in ms, count. Of each, the campaigns that have waited for so long: their archiver
 * has gone, or is late.
 */
export const ORPHANS = `${PREAMBLE}
local before = string.format('%d', now_ms() - tonumber(ARGV[1]))
local found = {}
for i, key in ipairs(KEYS) do
  found[i] = redis.call('ZRANGE', key, '-inf', before, 'BYSCORE', 'LIMIT', 0, ARGV[2])
end
return found
`;

/**
 * KEYS meta of campaigns. The head of each that this very Redis process holds, else an empty list; for the check that
 * catches lost publications and lost data.
 */
export const HEADS = `${PREAMBLE}
local run = run_id()
local heads = {}
for i, key in ipairs(KEYS) do
  local meta = redis.call('HMGET', key, 'generation', 'run', 'version', 'epoch', 'durable')
  if meta[1] and meta[2] == run then
    heads[i] = {meta[1], meta[3], meta[4], meta[5]}
  else
    heads[i] = {}
  end
end
return heads
`;
