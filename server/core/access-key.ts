import type { Grants } from './permissions.ts';

/** An API key of a service, without its secret. */
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
  /** About: it is stored once in a while. `undefined`: it was never used. */
  readonly lastUsedAt: number | undefined;
}

/** An API key as it is stored: with the hash of its secret, never the secret. */
export interface StoredAccessKey extends AccessKey {
  /** SHA-256 of the secret, in base64url. */
  readonly hash: string;
}

/** Storage of API keys; implemented by every archive, and held to one behaviour by one contract suite. */
export interface AccessKeyStore {
  insertKey(key: StoredAccessKey): Promise<void>;
  /** All keys, also revoked and expired ones, the newest first. */
  listKeys(): Promise<StoredAccessKey[]>;
  findKey(id: string): Promise<StoredAccessKey | undefined>;
  /**
   * Revokes a key; the first time counts.
   *
   * @returns false where there is no such key
   */
  revokeKey(id: string, at: number): Promise<boolean>;
  /** Moves the last use of keys forward; unknown ids are ignored. */
  markKeysUsed(uses: readonly { readonly id: string; readonly at: number }[]): Promise<void>;
}
