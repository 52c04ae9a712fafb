import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { CAMPAIGN_ID_PATTERN } from '../../core/document/campaign.ts';
import type { JsonObject } from '../../core/json.ts';
import { createGrowthBookEngine } from '../../targeting/growthbook-engine.ts';
import { commandsOf, rehearse, type ImportCommand } from '../../targeting/import/apply-plan.ts';
import type { ConditionJudge } from '../../targeting/import/assemble.ts';
import { readGrowthBook } from '../../targeting/import/growthbook.ts';
import type { ImportFinding, ImportPlan } from '../../targeting/import/import-plan.ts';
import { readUnleash } from '../../targeting/import/unleash.ts';
import { adminServer, call, callOrGiveUp, type AdminServer } from './admin-call.ts';
import { giveUp } from './explain.ts';
import { readArguments } from './read-arguments.ts';

const options = {
  from: { type: 'string' },
  campaign: { type: 'string' },
  url: { type: 'string' },
  yes: { type: 'boolean' },
} as const;

const READERS: Readonly<Record<string, ((file: unknown, judge: ConditionJudge) => ImportPlan) | undefined>> = {
  growthbook: readGrowthBook,
  unleash: readUnleash,
};

/** Megabytes of an export that are read at most. */
const MAX_FILE_MB = 64;

/**
 * The command `import --from growthbook|unleash file [--campaign id] [--yes] [--url …]`: makes segments, rules and
 * features of a campaign from another service's export, as the admin of a running server. Without `--yes` it says what
 * it would do, and what it cannot carry, and changes nothing.
 */
export async function importFlags(args: readonly string[]): Promise<void> {
  const { values, positionals } = readArguments(args, options);
  const [file, ...more] = positionals;
  const read = values.from === undefined ? undefined : READERS[values.from];
  if (!read) giveUp(`--from takes ${Object.keys(READERS).join(' or ')}.`);
  if (file === undefined || more.length > 0) giveUp('import takes one file.');
  if (values.campaign !== undefined && !CAMPAIGN_ID_PATTERN.test(values.campaign))
    giveUp('--campaign takes the id of a campaign.');

  const engine = createGrowthBookEngine();
  const plan = planOf(file, await contentsOf(file), (contents) => read(contents, engine));
  const server = await adminServer(values.url, 'import');
  const campaignId = values.campaign ?? (await defaultCampaign(server));
  const { state } = await callOrGiveUp<{ state: JsonObject }>(server, `campaign.get?input=${inputOf({ campaignId })}`);
  const commands = commandsOf(plan);
  const { replaced, refusal } = rehearse(state, commands, engine);

  print(plan, replaced);
  if (refusal) giveUp(`Nothing was changed: ${campaignId} would refuse it, ${refusal.message}.`);
  if (values.yes !== true) {
    process.stderr.write(`Nothing was changed; --yes writes this into ${campaignId}.\n`);
    return;
  }
  for (const [index, command] of commands.entries()) {
    const answer = await call(server, ...callOf(campaignId, command));
    if (!answer.ok)
      giveUp(`${index} of ${commands.length} changes were made; then ${answer.message}. The command can be repeated.`);
  }
  process.stderr.write(`${campaignId} has ${plan.flags.length} flags of ${file}, by ${commands.length} changes.\n`);
}

async function contentsOf(file: string): Promise<string> {
  try {
    const bytes = await readFile(file);
    if (bytes.length > MAX_FILE_MB * 1024 * 1024) giveUp(`${file} has more than ${MAX_FILE_MB} MiB.`);
    return bytes.toString();
  } catch (error) {
    giveUp(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

function planOf(file: string, text: string, read: (contents: unknown) => ImportPlan): ImportPlan {
  try {
    return read(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) giveUp(`${file} is not JSON: ${error.message}.`);
    if (!(error instanceof z.ZodError)) throw error;
    const [issue] = error.issues;
    giveUp(`${file} is not such an export: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}.`);
  }
}

async function defaultCampaign(server: AdminServer): Promise<string> {
  const { defaultCampaignId } = await callOrGiveUp<{ defaultCampaignId?: string }>(server, 'system.info');
  return defaultCampaignId ?? giveUp('This server has no default campaign; --campaign takes the id of one.');
}

function inputOf(input: object): string {
  return encodeURIComponent(JSON.stringify(input));
}

function callOf(campaignId: string, command: ImportCommand): [path: string, input: object] {
  const { type, ...input } = command;
  return [`campaign.${type}`, { campaignId, ...input, comment: 'import' }];
}

function print(plan: ImportPlan, replaced: readonly string[]): void {
  const { flags, features, values, segments, rules, notes, leftOut } = plan;
  const counts = [
    [flags.length, 'flags'],
    [rules.size, 'rules'],
    [Object.keys(segments).length, 'segments'],
    [features.length, 'features for everybody'],
    [Object.keys(values).length, 'values for everybody'],
  ] as const;
  process.stdout.write(`Carried over: ${counts.map(([count, what]) => `${count} ${what}`).join(', ')}.\n`);
  printFindings('Carried over with a difference:', notes);
  printFindings('Not carried over:', leftOut);
  if (replaced.length > 0) process.stdout.write(`Replaced: ${replaced.join(', ')}.\n`);
}

function printFindings(title: string, findings: readonly ImportFinding[]): void {
  if (findings.length === 0) return;
  process.stdout.write(`${title}\n${findings.map(({ flag, message }) => `  ${flag} ${message}\n`).join('')}`);
}
