import { REVISIONS_PER_GENERATION } from '../../../core/locks/lock-table.ts';

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
export const ALLOW_OOM = '#!lua flags=allow-oom\n';

/** Of every script that looks at the meta hash of a campaign: what of it is current. */
export const PREAMBLE = `
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
