import { ALLOW_OOM, PREAMBLE } from './preamble.ts';

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
