import { ALLOW_OOM, PREAMBLE } from './preamble.ts';

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
