import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { normaliseCampaignFile } from '../core/document/normalise.ts';
import type { StartCampaign } from '../core/document/normalise.ts';

/** The file with the default campaign. */
const DEFAULT_FILE = 'default_campaign.json';
/** The folder with further campaigns. */
const CAMPAIGNS_FOLDER = 'campaigns';

/**
 * Reads the start files of a folder, `default_campaign.json` and `campaigns/*.json`, as far as they exist.
 *
 * @returns the campaigns in the order of the files, the default campaign first
 * @throws {Error} In one sentence about the folder or the file that cannot be used.
 */
export async function readStartFiles(folder: string): Promise<StartCampaign[]> {
  // A folder that was named must exist; its files need not.
  await readdir(folder).catch((cause: unknown) => {
    throw new Error(
      `The folder of start files ${folder} cannot be read (${cause instanceof Error ? cause.message : String(cause)}).`,
      { cause },
    );
  });
  const more = await readdir(join(folder, CAMPAIGNS_FOLDER)).catch(absent<string[]>([]));
  const names = more.filter((name) => name.endsWith('.json')).sort();
  const files = [DEFAULT_FILE, ...names.map((name) => join(CAMPAIGNS_FOLDER, name))];
  const campaigns: StartCampaign[] = [];
  for (const file of files) {
    for (const campaign of await readStartFile(join(folder, file))) {
      if (campaigns.some(({ campaignId }) => campaignId === campaign.campaignId)) {
        throw new Error(
          `${join(folder, file)} cannot be used: another start file has the slug ${campaign.campaignId} already.`,
        );
      }
      campaigns.push(campaign);
    }
  }
  return campaigns;
}

async function readStartFile(path: string): Promise<StartCampaign[]> {
  const text = await readFile(path, 'utf8').catch(absent(undefined));
  if (text === undefined) return [];
  const normalised = normaliseCampaignFile(parse(text, path));
  if (!normalised.ok) throw new Error(`${path} cannot be used: ${normalised.refusal.message}.`);
  return normalised.campaigns;
}

function parse(text: string, path: string): unknown {
  try {
    // Some editors write a byte order mark.
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new Error(
      `${path} cannot be used: it is not JSON (${error instanceof Error ? error.message : String(error)}).`,
      { cause: error },
    );
  }
}

/** A handler for errors of the file system: the value in place of what does not exist; other errors are rethrown. */
function absent<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return value;
    throw error;
  };
}
