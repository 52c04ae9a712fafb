import { JOB_REVISIONS_PER_MS } from '../../../core/locks/lock-table.ts';
import { PREAMBLE } from './preamble.ts';

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
 * Reads the lock table of a campaign.
 *
 * KEYS meta · ARGV generation. Answers the lock table, or an empty list where the campaign is not held under it.
 */
export const READ_LOCKS = `${PREAMBLE}
local meta = redis.call('HMGET', KEYS[1], 'generation', 'runId')
if meta[1] ~= ARGV[1] or meta[2] ~= redis_run_id() then return {} end
return read_locks(KEYS[1], ARGV[1])
`;
