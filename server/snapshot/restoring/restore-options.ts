import { hash } from 'node:crypto';
import { RefusalError } from '../../core/errors.ts';
import type { VersionName } from '../../core/stream/position.ts';

/** What of a file is restored, and how. */
export interface RestoreOptions {
  /** Only this campaign of the file. Default: all of them. */
  readonly campaignId?: string | undefined;
  /** The id that it gets; with `campaignId` alone. Default: its own. */
  readonly as?: string | undefined;
  /** Whether campaigns that are there are replaced. Default: they are a reason to restore nothing. */
  readonly over?: boolean | undefined;
  /** The end of what is restored: a version or a position, with `campaignId` alone, or a time. Default: all of it. */
  readonly at?: RestorePoint | undefined;
  /** Whether it only says what it would do. */
  readonly dryRun?: boolean | undefined;
}

export type RestorePoint =
  | { readonly version: VersionName }
  /** Epoch milliseconds. */
  | { readonly time: number };

/** The same file with the same options is the same restore, so that one that was killed can go on. */
export function restoreIdOf(snapshotId: string, { campaignId, as, over, at }: RestoreOptions): string {
  return hash('sha256', JSON.stringify([snapshotId, campaignId, as, over === true, at]), 'base64url').slice(0, 22);
}

/** @throws RefusalError `INVALID` where they need the name of a campaign */
export function checkOptions({ campaignId, as, at }: RestoreOptions): void {
  if (campaignId !== undefined) return;
  const needs = as !== undefined ? 'as' : at && 'version' in at ? 'at' : undefined;
  if (needs === undefined) return;
  const message = `${needs}: one campaign has to be named for it, by campaignId`;
  throw new RefusalError('INVALID', message, { path: [needs] });
}
