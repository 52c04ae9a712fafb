import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CAMPAIGN_ID_PATTERN } from '../core/document/campaign.ts';
import type { CampaignImage, RelaySettings } from '../core/stream/replica.ts';
import { parseImage, parseSettings } from './settings.ts';

/** What a relay stores, so that it can start and show campaigns while its upstream is away (`RELAY_DIR`). */
export interface RelayFolder {
  settings(): Promise<RelaySettings | undefined>;
  saveSettings(settings: RelaySettings): Promise<void>;
  /** What was stored of a campaign; `undefined` where that is nothing, or cannot be read. */
  image(campaignId: string): Promise<CampaignImage | undefined>;
  saveImage(campaignId: string, image: CampaignImage): Promise<void>;
}

/** A relay without a folder stores nothing. */
export const NO_FOLDER: RelayFolder = {
  settings: async () => undefined,
  saveSettings: async () => undefined,
  image: async () => undefined,
  saveImage: async () => undefined,
};

const SETTINGS = 'upstream.json';

/**
 * Opens the folder, and makes it where there is none. Each file is written beside itself and renamed, so that a crash
 * leaves the one before; documents in it are readable for the relay's user alone.
 *
 * @throws Error in one sentence where it cannot be made
 */
export async function openRelayFolder(path: string): Promise<RelayFolder> {
  await mkdir(join(path, 'campaigns'), { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw new Error(`RELAY_DIR: ${path} cannot be made (${cause instanceof Error ? cause.message : String(cause)}).`, {
      cause,
    });
  });

  const read = async (name: string): Promise<unknown> => JSON.parse(await readFile(join(path, name), 'utf8'));
  const write = async (name: string, value: object): Promise<void> => {
    const temporary = join(path, `${name}.${process.pid}.new`);
    await writeFile(temporary, JSON.stringify(value), { mode: 0o600, flush: true });
    await rename(temporary, join(path, name));
  };
  const fileOf = (campaignId: string): string => {
    if (!CAMPAIGN_ID_PATTERN.test(campaignId)) throw new Error('no id of a campaign');
    return join('campaigns', `${campaignId}.json`);
  };

  return {
    async settings() {
      try {
        return parseSettings(await read(SETTINGS));
      } catch {
        return undefined;
      }
    },
    saveSettings: (settings) => write(SETTINGS, settings),
    async image(campaignId) {
      try {
        return parseImage(await read(fileOf(campaignId)));
      } catch {
        return undefined;
      }
    },
    saveImage: (campaignId, image) => write(fileOf(campaignId), image),
  };
}
