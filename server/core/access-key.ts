import type { Grants } from './permissions.ts';

/** Bounds of the links to previews. */
export const PREVIEW_LIMITS = {
  /** How long one lasts, in milliseconds: from a second to 30 days. */
  minLifetimeMs: 1_000,
  maxLifetimeMs: 30 * 24 * 60 * 60_000,
  /** Of a campaign that open it now: neither revoked nor past their time. */
  perCampaign: 100,
} as const;

/** An API key of a service, or of the link to a preview; without its secret. */
export interface AccessKey {
  /** The public part of the key; the actor of its changes is `key:<id>`. */
  readonly id: string;
  /** What it is for, in the words of whoever created it. */
  readonly name: string;
  readonly grants: Grants;
  /** Epoch milliseconds, as all times here. */
  readonly createdAt: number;
  /** The caller's id. */
  readonly createdBy: string;
  /** `undefined`: it does not expire. */
  readonly expiresAt: number | undefined;
  readonly revokedAt: number | undefined;
  /**
   * The campaign of which it is in the link to a preview: a viewer's key, that editors make and revoke. `undefined`: it
   * is a service's.
   */
  readonly previewOf: string | undefined;
  /** When it was shown last, about: it is stored once in a while. `undefined`: it never was. */
  readonly lastUsedAt: number | undefined;
}

/** An API key as it is stored: with the hash of its secret, never the secret. */
export interface StoredAccessKey extends AccessKey {
  /** SHA-256 of the secret, in base64url. */
  readonly hash: string;
}

/** What became of the key of a new link: it is stored, or there is no such campaign, or it has as many as it may. */
export type PreviewOutcome = 'stored' | 'no campaign' | 'full';

/** Storage of API keys; implemented by every archive, and held to one behaviour by one contract suite. */
export interface AccessKeyStore {
  insertKey(key: StoredAccessKey): Promise<void>;
  /**
   * Stores the key of a link to a preview while its campaign has fewer than `limit` that open it at that time: counted
   * and stored at once, whoever else makes one. Those of the campaign that have ended are forgotten then.
   */
  insertPreview(key: StoredAccessKey & { readonly previewOf: string }, limit: number): Promise<PreviewOutcome>;
  /** All keys, also revoked and expired ones, the newest first. */
  listKeys(): Promise<StoredAccessKey[]>;
  /** The keys of links that open the preview of a campaign at that time, the newest first. */
  listPreviews(campaignId: string, at: number): Promise<StoredAccessKey[]>;
  /** Those of these keys that there are, in any order. */
  findKeys(ids: readonly string[]): Promise<StoredAccessKey[]>;
  /**
   * Revokes a key; the first time counts.
   *
   * @param previewOf only where it is in a link to the preview of this campaign
   * @returns false where there is no such key
   */
  revokeKey(id: string, at: number, previewOf?: string): Promise<boolean>;
  /** Moves the last use of keys forward; unknown ids are ignored. */
  markKeysUsed(uses: readonly { readonly id: string; readonly at: number }[]): Promise<void>;
}
