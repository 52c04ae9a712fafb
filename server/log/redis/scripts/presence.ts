import { PREAMBLE } from './preamble.ts';

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
