import { createHmac } from 'node:crypto';
import type { AnalyticsStore } from '../../core/analytics/analytics-store.ts';
import type { Clock } from '../ports.ts';

/** Hashes units of one campaign. */
export type UnitHash = (attribute: string, value: string) => string;

/** Keyed hashes of units: what is stored of people. */
export interface UnitHashes {
  of(campaignId: string): Promise<UnitHash>;
  /** Forgets the key of a campaign in this process. */
  forget(campaignId: string): void;
}

/** Keys that are kept in memory, and for how long: another instance may have a campaign forgotten. */
const MAX_KEYS = 1_000;
const KEY_MS = 60_000;
/** Characters of a hash: 126 bits. */
const HASH_LENGTH = 21;

/** The hash of units of a campaign with that salt. */
export function unitHash(key: string, campaignId: string, salt: string): UnitHash {
  const campaignKey = createHmac('sha256', key)
    .update(JSON.stringify([campaignId, salt]))
    .digest();
  return (attribute, value) =>
    createHmac('sha256', campaignKey)
      .update(JSON.stringify([attribute, value]))
      .digest('base64url')
      .slice(0, HASH_LENGTH);
}

/**
 * Creates the hashes. The key of a campaign is made of the server's key and of a random salt that is stored with the
 * campaign's events: without the salt nobody can tell any more whose row is whose, and without the server's key nobody
 * who reads the tables can try out names.
 *
 * @param key the server's; an empty one leaves the salt alone
 */
export function createUnitHashes(store: Pick<AnalyticsStore, 'campaignSalt'>, key: string, clock: Clock): UnitHashes {
  const known = new Map<string, { readonly hash: Promise<UnitHash>; readonly since: number }>();

  const make = async (campaignId: string): Promise<UnitHash> => {
    const salt = await store.campaignSalt(campaignId, `${clock.token()}${clock.token()}`);
    return unitHash(key, campaignId, salt);
  };

  return {
    of(campaignId) {
      const present = known.get(campaignId);
      if (present && clock.now() - present.since < KEY_MS) return present.hash;
      const hash = make(campaignId);
      known.delete(campaignId);
      known.set(campaignId, { hash, since: clock.now() });
      hash.catch(() => known.delete(campaignId));
      const [oldest] = known.keys();
      if (known.size > MAX_KEYS && oldest !== undefined) known.delete(oldest);
      return hash;
    },
    forget: (campaignId) => void known.delete(campaignId),
  };
}
