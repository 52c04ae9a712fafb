import { JOB_REVISIONS_PER_MS, REVISIONS_PER_GENERATION } from '../../core/locks/lock-table.ts';

/*
 * The log's Lua scripts, each run atomically by Redis. A script touches the keys of one campaign (HEADS, ORPHANS and
 * RELEASE: one key of each of many) and does no arithmetic on versions: these travel as text, because Lua prints 2^53 -
 * 1 as 9.007e+15. Compared as numbers they are exact up to there.
 *
 * Fencing: a campaign's meta hash holds the `generation` under which the archive let it enter the log (its fencing
 * token), and the `runId` of the Redis process it entered. Where either is another one, something was lost or may have
 * been: a flushed Redis, a promoted replica, a restart. Nothing is appended then; the caller recovers the campaign's
 * log membership (`engine/campaign/log-recovery.ts`).
 */

/**
 * For scripts that store nothing new, so that a full Redis goes on being emptied: watermarks move and entries are
 * trimmed while appends are refused.
 */
const ALLOW_OOM = '#!lua flags=allow-oom\n';

const PREAMBLE = `
local function redis_run_id()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
end
local function now_ms()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
-- Whether the stream still holds what is not durable: its key can be lost alone, deleted or evicted.
local function is_whole(log_key, durable, version)
  return durable == version or redis.call('XLEN', log_key) >= tonumber(version) - tonumber(durable)
end
-- The revision of the lock table: a campaign without locks yet has the first one of its generation.
local function lock_revision_of(meta_value, generation)
  return meta_value or string.format('%.0f', tonumber(generation) * ${REVISIONS_PER_GENERATION})
end
-- Whether what was decided holds: for this revision, and from not_before until not_after, by this clock.
local function locks_hold(revision, expected, not_before, not_after)
  if revision ~= expected then return false end
  local now = (not_before ~= '' or not_after ~= '') and now_ms() or 0
  if not_before ~= '' and now < tonumber(not_before) then return false end
  return not_after == '' or now < tonumber(not_after)
end
-- The lock table: the time, the revision, then id and row of each lock in turn.
local function read_locks(meta_key, generation)
  local all = redis.call('HGETALL', meta_key)
  local reading = {string.format('%d', now_ms()), lock_revision_of(nil, generation)}
  for i = 1, #all, 2 do
    if all[i] == 'locks' then
      reading[2] = all[i + 1]
    elseif string.sub(all[i], 1, 2) == 'k:' then
      reading[#reading + 1] = string.sub(all[i], 3)
      reading[#reading + 1] = all[i + 1]
    end
  end
  return reading
end
-- Whether the log's timeline includes that version with that tail; true as well where its entry has been trimmed.
local function includes(log_key, version, tail)
  local found = redis.call('XRANGE', log_key, version .. '-0', version .. '-0')
  if #found == 0 then return true end
  local fields = found[1][2]
  for i = 1, #fields, 2 do
    if fields[i] == 't' then return fields[i + 1] == tail end
  end
  return false
end
`;

/**
 * Compare-and-append: the only way by which an entry enters a log.
 *
 * Invariant: within an epoch, a version has one content. The caller names the head on which it decided, `(epoch,
 * version, tail)`. All of its entries are appended if that is the head, under the same generation and in the same Redis
 * process; otherwise none is. The tail is a hash chained over all bytes since version 1, so that a stale copy at the
 * same version with other content cannot match. Entries are published by the same script, hence in the order of their
 * versions; every instance receives them in `onPublication` (`redis-log.ts`).
 *
 * The appending instance also takes or renews the campaign's archiving lease, unless another instance holds it. The
 * lease saves work and is never needed for correctness: the archive's own guard is.
 *
 * Rejected: deduplication of mutation ids here. An unknown outcome is resolved without it, because the same append
 * again conflicts with itself and the conflict's entries carry the ids; a second idempotency window would have to be
 * bounded and kept equal to the first. Rejected: WATCH and MULTI, which take a second round trip and abort under
 * contention.
 *
 * The caller names as well the revision of the lock table under which it decided, and between which times its judgement
 * of who holds what is right. Where that is not so nothing is appended, however right the head is: a change made under
 * a lock that was lost is never ordered. Which paths a lock covers is not known here.
 *
 * KEYS meta, log, dirty · ARGV generation, expected version, expected tail, campaign id, channel, instance, lease in
 * ms, expected epoch, revision of the locks or an empty text where they are not asked, their not-before and not-after
 * or empty texts, then version, bytes and tail of each entry. Answers `lost`, `conflict` with the entries after the
 * expected version, `locks` with the lock table, or `appended` with the holder of the lease. Without entries it only
 * confirms head and locks.
 */
export const APPEND = `${PREAMBLE}
local meta_key, log_key, dirty_key = unpack(KEYS)
local generation, expected_version, expected_tail, campaign_id, channel, instance, lease_ms, epoch = unpack(ARGV, 1, 8)
local locks, not_before, not_after = unpack(ARGV, 9, 11)
local first = 12
local meta = redis.call('HMGET', meta_key, 'generation', 'runId', 'epoch', 'version', 'tail', 'leaseHolder', 'leaseUntil', 'durable', 'locks')
local version, tail, holder, lease_until, durable = meta[4], meta[5], meta[6], meta[7], meta[8]
if meta[1] ~= generation or meta[2] ~= redis_run_id() or meta[3] ~= epoch then return {'lost'} end
if not is_whole(log_key, durable, version) then return {'lost'} end
if version ~= expected_version then
  local ahead = tonumber(version) < tonumber(expected_version)
  if ahead or not includes(log_key, expected_version, expected_tail) then return {'lost'} end
  return {'conflict', redis.call('XRANGE', log_key, '(' .. expected_version .. '-0', '+', 'COUNT', 1000)}
end
if tail ~= expected_tail then return {'lost'} end
if locks ~= '' and not locks_hold(lock_revision_of(meta[9], generation), locks, not_before, not_after) then
  return {'locks', read_locks(meta_key, generation)}
end
if #ARGV < first then return {'appended', ''} end
local last = #ARGV - 2
for i = first, last, 3 do
  redis.call('XADD', log_key, ARGV[i] .. '-0', 'b', ARGV[i + 1], 't', ARGV[i + 2])
end
local now = now_ms()
if not holder or holder == instance or tonumber(lease_until) < now then
  holder = instance
  lease_until = string.format('%d', now + tonumber(lease_ms))
end
redis.call('HSET', meta_key, 'version', ARGV[last], 'tail', ARGV[last + 2], 'leaseHolder', holder, 'leaseUntil', lease_until)
redis.call('ZADD', dirty_key, 'NX', now, campaign_id)
for i = first, last, 3 do
  redis.call('SPUBLISH', channel, 'e' .. ARGV[i + 2] .. ' ' .. ARGV[i + 1])
end
return {'appended', holder}
`;

/**
 * Compares the log with the archive's head, and reads what is not in the archive. Where the log has lost entries, every
 * instance that hosts the campaign is told to save those that it holds (`s`). Where the archive is ahead of the
 * watermark (an archiver died in between, or entries were saved that the log had lost) the watermark moves.
 *
 * KEYS meta, log, dirty · ARGV generation, archived version, archived tail, epoch, campaign id, channel. Answers
 * `absent` (not in the log, or not on the archive's timeline), `trimmed` (the archive was read before it took what has
 * been trimmed since: read it again), or `opened` with version, tail, watermark, the entries after the archived
 * version, and the lock table.
 */
export const OPEN = `${PREAMBLE}
local meta_key, log_key, dirty_key = unpack(KEYS)
local generation, archived_version, archived_tail, epoch, campaign_id, channel = unpack(ARGV)
local meta = redis.call('HMGET', meta_key, 'generation', 'runId', 'epoch', 'version', 'tail', 'durable')
local run_id = redis_run_id()
if meta[2] ~= run_id then redis.pcall('SPUBLISH', channel, 's') end
if meta[1] ~= generation or meta[2] ~= run_id or meta[3] ~= epoch then return {'absent'} end
local version, tail, durable = meta[4], meta[5], meta[6]
local whole = is_whole(log_key, durable, version)
if not whole then redis.pcall('SPUBLISH', channel, 's') end
local waiting = tonumber(version) - tonumber(archived_version)
if waiting < 0 then return {'absent'} end
if waiting == 0 and tail ~= archived_tail then return {'absent'} end
if waiting > 0 and not includes(log_key, archived_version, archived_tail) then return {'absent'} end
local entries = redis.call('XRANGE', log_key, '(' .. archived_version .. '-0', '+')
if #entries ~= waiting then return {'trimmed'} end
-- A full or read-only Redis refuses it, and the campaign is opened all the same.
if tonumber(archived_version) > tonumber(durable) and type(redis.pcall('HSET', meta_key, 'durable', archived_version)) == 'number' then
  durable = archived_version
  if waiting == 0 then redis.call('ZREM', dirty_key, campaign_id) end
  redis.call('SPUBLISH', channel, 'd' .. epoch .. ' ' .. durable)
end
return {'opened', version, tail, durable, entries, read_locks(meta_key, generation)}
`;

/**
 * The campaign enters the log under a generation that the archive has just given out; the same or an earlier generation
 * changes nothing. Every instance that hosts the campaign is told the generation.
 *
 * KEYS meta, log, dirty · ARGV generation, epoch, version, tail, campaign id, channel.
 */
export const SEED = `${PREAMBLE}
local meta_key, log_key, dirty_key = unpack(KEYS)
local generation, epoch, version, tail, campaign_id, channel = unpack(ARGV)
local present = redis.call('HGET', meta_key, 'generation')
if present and tonumber(present) >= tonumber(generation) then return 0 end
redis.call('DEL', meta_key, log_key)
redis.call('ZREM', dirty_key, campaign_id)
redis.call('HSET', meta_key, 'generation', generation, 'runId', redis_run_id(), 'epoch', epoch, 'version', version, 'tail', tail, 'durable', version)
redis.call('SPUBLISH', channel, 'r' .. generation)
return 1
`;

/**
 * Makes a change of a lock table, if it has the expected revision and the time is right. The arguments are those of
 * `LOCKS`.
 */
const LOCK_CHANGE = `
local function change_locks(table_key, revision)
  local generation, expected, next_revision, not_before, not_after, channel, sets = unpack(ARGV, 1, 7)
  if not locks_hold(revision, expected, not_before, not_after) then
    return {'stale', read_locks(table_key, generation)}
  end
  local now = now_ms()
  local stamp = string.format('%d', now)
  if expected == next_revision then return {'changed', stamp} end
  local published = {'k' .. generation .. ' ' .. expected .. ' ' .. next_revision}
  redis.call('HSET', table_key, 'locks', next_revision)
  local last = 7 + 3 * tonumber(sets)
  for i = 8, last, 3 do
    local row = string.format('%d', now + tonumber(ARGV[i + 1])) .. ' ' .. ARGV[i + 2]
    redis.call('HSET', table_key, 'k:' .. ARGV[i], row)
    published[#published + 1] = '+' .. ARGV[i] .. ' ' .. row
  end
  for i = last + 1, #ARGV do
    redis.call('HDEL', table_key, 'k:' .. ARGV[i])
    published[#published + 1] = '-' .. ARGV[i]
  end
  redis.call('SPUBLISH', channel, table.concat(published, string.char(10)))
  return {'changed', stamp}
end
`;

/**
 * Changes the lock table of a campaign as a whole, if it has the expected revision and the time is right; the end of a
 * lease is stamped by this clock. The table is published as what has changed in it. Rows live in the campaign's meta
 * hash, so that they cannot be lost without it: with it goes the generation under which anything is appended.
 *
 * KEYS meta · ARGV generation, expected revision, revision after it, not-before and not-after or empty texts, channel,
 * the number of rows that are set, then id, lease in ms and JSON of each, then ids of rows that go. Answers `lost`,
 * `stale` with the lock table, or `changed` with the time. Without rows it only confirms.
 */
export const LOCKS = `${PREAMBLE}${LOCK_CHANGE}
local meta = redis.call('HMGET', KEYS[1], 'generation', 'runId', 'locks')
if meta[1] ~= ARGV[1] or meta[2] ~= redis_run_id() then return {'lost'} end
return change_locks(KEYS[1], lock_revision_of(meta[3], ARGV[1]))
`;

/**
 * The same for the table of jobs. It begins anew, empty, in another Redis process than the one that it was made in (a
 * part of it may be lost), and where the caller knows of a later revision (all of it was); at a revision that is higher
 * than any before it.
 *
 * KEYS table · ARGV as of `LOCKS`, generation 0. Answers `stale` or `changed` as `LOCKS` does.
 */
export const JOB_LOCKS = `${PREAMBLE}${LOCK_CHANGE}
local table_key, expected = KEYS[1], ARGV[2]
local meta = redis.call('HMGET', table_key, 'runId', 'locks')
local run_id, revision = redis_run_id(), meta[2]
if meta[1] ~= run_id or tonumber(revision) < tonumber(expected) then
  local by_time = now_ms() * ${JOB_REVISIONS_PER_MS}
  revision = string.format('%.0f', math.max(by_time, tonumber(revision or 0) + 1, tonumber(expected) + 1))
  redis.call('DEL', table_key)
  redis.call('HSET', table_key, 'runId', run_id, 'locks', revision)
end
return change_locks(table_key, revision)
`;

/**
 * Says who is at a campaign, as one instance knows it: keeps it for those who come, and publishes it. Beside the text
 * of each instance stands until when it is believed, `u:<instance>`: what an instance that died has said goes with the
 * next word of any other.
 *
 * KEYS presence · ARGV instance, text or an empty one, lifetime in ms, channel.
 */
export const PRESENCE = `${PREAMBLE}
local key = KEYS[1]
local instance, text, lifetime_ms, channel = unpack(ARGV)
local now = now_ms()
if text == '' then
  redis.call('HDEL', key, instance, 'u:' .. instance)
else
  redis.call('HSET', key, instance, text, 'u:' .. instance, string.format('%d', now + tonumber(lifetime_ms)))
  redis.call('PEXPIRE', key, lifetime_ms)
end
for _, field in ipairs(redis.call('HKEYS', key)) do
  if string.sub(field, 1, 2) == 'u:' and tonumber(redis.call('HGET', key, field)) <= now then
    redis.call('HDEL', key, field, string.sub(field, 3))
  end
end
redis.call('SPUBLISH', channel, 'p' .. instance .. ' ' .. text)
return 1
`;

/**
 * Reads who is at a campaign, as the instances that are believed know it.
 *
 * KEYS presence. Answers instance and text in turn.
 */
export const READ_PRESENCE = `${PREAMBLE}
local now = now_ms()
local said = {}
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(field, 1, 2) == 'u:' and tonumber(redis.call('HGET', KEYS[1], field)) > now then
    local instance = string.sub(field, 3)
    said[#said + 1] = instance
    said[#said + 1] = redis.call('HGET', KEYS[1], instance)
  end
end
return said
`;

/**
 * Reads the lock table of a campaign.
 *
 * KEYS meta · ARGV generation. Answers the lock table, or an empty list where the campaign is not held under it.
 */
export const READ_LOCKS = `${PREAMBLE}
local meta = redis.call('HMGET', KEYS[1], 'generation', 'runId')
if meta[1] ~= ARGV[1] or meta[2] ~= redis_run_id() then return {} end
return read_locks(KEYS[1], ARGV[1])
`;

/**
 * Moves the watermark: forward only, never past the log's head. What it has passed is trimmed, but for the newest
 * entries, which repair gaps. (Trimming by `MAXLEN` would drop what is not in Postgres yet.)
 *
 * KEYS meta, log, dirty · ARGV epoch, version, campaign id, channel, oldest entry id to keep. Answers the new
 * watermark, or an empty text where it has not moved.
 */
export const DURABLE = `${ALLOW_OOM}${PREAMBLE}
local meta_key, log_key, dirty_key = unpack(KEYS)
local epoch, version, campaign_id, channel, oldest_kept = unpack(ARGV)
local meta = redis.call('HMGET', meta_key, 'epoch', 'version', 'durable')
local head, durable = meta[2], meta[3]
if meta[1] ~= epoch then return '' end
if tonumber(version) > tonumber(head) then version = head end
if tonumber(version) <= tonumber(durable) then return '' end
redis.call('HSET', meta_key, 'durable', version)
redis.call('XTRIM', log_key, 'MINID', oldest_kept)
if head == version then
  redis.call('ZREM', dirty_key, campaign_id)
else
  redis.call('ZADD', dirty_key, 'XX', now_ms(), campaign_id)
end
redis.call('SPUBLISH', channel, 'd' .. epoch .. ' ' .. version)
return version
`;

/**
 * The campaign leaves the log if all of it is durable, none of its locks is alive and no instance subscribes to it any
 * more.
 *
 * KEYS meta, log · ARGV generation, channel. Answers `1` where it has left, else `0`.
 */
export const LEAVE = `${PREAMBLE}
local meta_key, log_key = unpack(KEYS)
local generation, channel = unpack(ARGV)
local meta = redis.call('HMGET', meta_key, 'generation', 'version', 'durable')
if meta[1] ~= generation or meta[2] ~= meta[3] then return 0 end
if redis.call('PUBSUB', 'SHARDNUMSUB', channel)[2] > 0 then return 0 end
local locks = read_locks(meta_key, generation)
for i = 4, #locks, 2 do
  if tonumber(string.match(locks[i], '^%d+')) > tonumber(locks[1]) then return 0 end
end
redis.call('DEL', meta_key, log_key)
return 1
`;

/**
 * Removes a campaign that is about to be deleted, with its locks, if all of it is durable and its head is the expected
 * one: from then on nothing is appended to it. Nobody is told: until the archive has deleted it, whoever finds it
 * missing makes it a member again.
 *
 * KEYS meta, log, dirty · ARGV generation, epoch, version, tail, campaign id. Answers `1` where it was removed, else
 * `0`.
 */
export const REMOVE = `${ALLOW_OOM}${PREAMBLE}
local meta_key, log_key, dirty_key = unpack(KEYS)
local generation, epoch, version, tail, campaign_id = unpack(ARGV)
local meta = redis.call('HMGET', meta_key, 'generation', 'runId', 'epoch', 'version', 'tail', 'durable')
if meta[1] ~= generation or meta[2] ~= redis_run_id() or meta[3] ~= epoch then return 0 end
if meta[4] ~= version or meta[5] ~= tail or meta[6] ~= version then return 0 end
redis.call('DEL', meta_key, log_key)
redis.call('ZREM', dirty_key, campaign_id)
return 1
`;

/**
 * Removes what is left of a campaign that was deleted, up to a generation, and tells every instance that has it open
 * under one of these, as a seed of the next one would.
 *
 * KEYS meta, log, dirty, presence · ARGV generation, the next one, campaign id, channel.
 */
export const CLEAR = `${ALLOW_OOM}
local meta_key, log_key, dirty_key, presence_key = unpack(KEYS)
local generation, next_generation, campaign_id, channel = unpack(ARGV)
local present = redis.call('HGET', meta_key, 'generation')
if present and tonumber(present) > tonumber(generation) then return 0 end
redis.call('DEL', meta_key, log_key, presence_key)
redis.call('ZREM', dirty_key, campaign_id)
redis.call('SPUBLISH', channel, 'r' .. next_generation)
return 1
`;

/**
 * Drops the entries up to a version, which were redacted in the archive, if all of them are durable.
 *
 * KEYS meta, log · ARGV version, oldest entry id to keep. Answers `1` where they are gone, else `0`.
 */
export const FORGET = `${ALLOW_OOM}
local meta_key, log_key = unpack(KEYS)
local durable = redis.call('HGET', meta_key, 'durable')
if durable and tonumber(durable) < tonumber(ARGV[1]) then return 0 end
redis.call('XTRIM', log_key, 'MINID', ARGV[2])
return 1
`;

/**
 * Takes or renews the archiving lease of a campaign, and reads what is not durable.
 *
 * KEYS meta, log · ARGV instance, lease in ms, count. Answers `1` with the entries to the holder of the lease and where
 * the lease has run out, else `0`.
 */
export const CLAIM = `${ALLOW_OOM}${PREAMBLE}
local meta_key, log_key = unpack(KEYS)
local instance, lease_ms, count = unpack(ARGV)
local meta = redis.call('HMGET', meta_key, 'durable', 'leaseHolder', 'leaseUntil')
local durable, holder, lease_until = meta[1], meta[2], meta[3]
if not durable then return {0} end
local now = now_ms()
if holder and holder ~= instance and tonumber(lease_until) >= now then return {0} end
redis.call('HSET', meta_key, 'leaseHolder', instance, 'leaseUntil', string.format('%d', now + tonumber(lease_ms)))
return {1, redis.call('XRANGE', log_key, '(' .. durable .. '-0', '+', 'COUNT', count)}
`;

/**
 * Gives up the archiving leases that this instance holds.
 *
 * KEYS meta of campaigns · ARGV instance. Answers for each `1` where the lease was this instance's and the campaign is
 * not durable, else `0`.
 */
export const RELEASE = `${ALLOW_OOM}
local instance = ARGV[1]
local not_durable = {}
for i, meta_key in ipairs(KEYS) do
  local meta = redis.call('HMGET', meta_key, 'leaseHolder', 'version', 'durable')
  not_durable[i] = 0
  if meta[1] == instance then
    redis.call('HDEL', meta_key, 'leaseHolder', 'leaseUntil')
    if meta[2] ~= meta[3] then not_durable[i] = 1 end
  end
end
return not_durable
`;

/**
 * Campaigns whose archiver has died or is late: those that have not been durable for longer than an age.
 *
 * KEYS dirty of partitions · ARGV age in ms, count. Answers for each partition the campaign ids, behind the time of the
 * oldest one (Redis' clock, epoch milliseconds).
 */
export const ORPHANS = `${PREAMBLE}
local age_ms, count = unpack(ARGV)
local before = string.format('%d', now_ms() - tonumber(age_ms))
local found = {}
for i, dirty_key in ipairs(KEYS) do
  local ids = redis.call('ZRANGE', dirty_key, '-inf', before, 'BYSCORE', 'LIMIT', 0, count)
  if #ids > 0 then table.insert(ids, 1, redis.call('ZSCORE', dirty_key, ids[1])) end
  found[i] = ids
end
return found
`;

/**
 * Heads of campaigns, for the check that finds lost publications and lost data.
 *
 * KEYS meta and log of campaigns, in turn. Answers for each campaign generation, version, epoch, watermark and revision
 * of the locks; an empty list where this very Redis process does not hold it, or has lost entries of it.
 */
export const HEADS = `${PREAMBLE}
local run_id = redis_run_id()
local heads = {}
for i = 1, #KEYS, 2 do
  local meta = redis.call('HMGET', KEYS[i], 'generation', 'runId', 'version', 'epoch', 'durable', 'locks')
  local head = {}
  if meta[1] and meta[2] == run_id and is_whole(KEYS[i + 1], meta[5], meta[3]) then
    head = {meta[1], meta[3], meta[4], meta[5], lock_revision_of(meta[6], meta[1])}
  end
  heads[#heads + 1] = head
end
return heads
`;
