export { isAt, type PresenceMember } from '../../../server/core/presence/presence.ts';
export { campaignPresence, type OwnPresence, type Presence, type PresenceStore } from './presence-store.ts';
