import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable, type Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { z } from 'zod';
import type { Finding } from '../../audit/verify-histories.ts';
import { historyKeep } from '../config.ts';
import type { Retention } from '../../audit/retention.ts';
import type { RedactionReceipt } from '../../audit/redaction.ts';
import type { VerifyItem, VerifyReport } from '../../audit/audit-service.ts';
import { CAMPAIGN_ID_PATTERN } from '../../core/document/campaign.ts';
import { adminServer, callOrGiveUp, request, type AdminServer } from './admin-call.ts';
import { giveUp } from './explain.ts';
import { progressLine } from '../progress.ts';
import { verifySnapshot } from './snapshot.ts';
import { readArguments } from './read-arguments.ts';

const options = {
  campaign: { type: 'string', multiple: true },
  out: { type: 'string' },
  state: { type: 'string' },
  url: { type: 'string' },
  path: { type: 'string', multiple: true },
  comment: { type: 'boolean' },
} as const;

/**
 * The commands `audit verify [file] [--campaign id]…`, `audit export [--campaign id]… [--out file|-] [--state file]`,
 * `audit keep id [what]` and `audit redact id position [--path name]… [--comment]`.
 */
export async function manageAudit(args: readonly string[]): Promise<void> {
  const { values, positionals } = readArguments(args, options);
  const [command, file, ...more] = positionals;
  const campaigns = values.campaign ?? [];
  if (!campaigns.every((id) => CAMPAIGN_ID_PATTERN.test(id))) giveUp('--campaign takes the id of a campaign.');
  if (command === 'verify' && file !== undefined && more.length === 0) return verifySnapshot([file]);
  if (command === 'verify' && file === undefined)
    return verifyServer(await adminServer(values.url, 'audit'), campaigns);
  if (command === 'export' && file === undefined)
    return exportAudit(await adminServer(values.url, 'audit'), campaigns, values.out ?? '-', values.state);
  if (command === 'keep' && file !== undefined && more.length <= 1)
    return keepHistory(await adminServer(values.url, 'audit'), file, more[0]);
  const [position, ...others] = more;
  if (command === 'redact' && file !== undefined && position !== undefined && others.length === 0)
    return redact(await adminServer(values.url, 'audit'), file, position, values);
  giveUp('audit takes verify, verify with a snapshot file, export, keep, or redact; --help says more.');
}

/** Says how much is kept of a history, and what is said of it now. */
async function keepHistory(server: AdminServer, campaignId: string, what: string | undefined): Promise<void> {
  const keep = what === undefined ? undefined : what === 'default' ? null : what === 'all' ? {} : historyKeep(what);
  if (what !== undefined && keep === undefined)
    giveUp('audit keep takes a number of versions, an age such as 90d, or both: 1000,90d; or all, or default.');
  const input = encodeURIComponent(JSON.stringify({ campaignId }));
  const retention =
    keep === undefined
      ? await callOrGiveUp<Retention>(server, `audit.retention?input=${input}`)
      : await callOrGiveUp<Retention>(server, 'audit.setRetention', { campaignId, keep });
  const { versions, ageMs } = retention.keep;
  const parts = [
    versions === undefined ? undefined : `the newest ${versions} versions`,
    ageMs === undefined ? undefined : `the last ${ageMs / 86_400_000} days`,
  ].filter((part) => part !== undefined);
  const kept = parts.length === 0 ? 'everything' : parts.join(' and ');
  const whose = retention.isOwn ? 'as was said of it' : 'as of all';
  process.stdout.write(
    `${campaignId}\tkeeps ${kept}, ${whose}\tversions ${retention.firstVersion} to ${retention.version} are there\n`,
  );
}

/** Takes a value, or the comment, out of an entry, for good. */
async function redact(
  server: AdminServer,
  campaignId: string,
  position: string,
  { path, comment }: { readonly path?: string[] | undefined; readonly comment?: boolean | undefined },
): Promise<void> {
  if (path === undefined && comment !== true)
    giveUp('audit redact takes --path, once for each name from the outermost on, or --comment, or both.');
  const input = { campaignId, position, ...(path && { path }), ...(comment === true && { comment }) };
  const { complete, salted } = await callOrGiveUp<RedactionReceipt>(server, 'audit.redact', input);
  const what = [path?.join(' › '), comment === true ? 'the comment' : undefined].filter((part) => part !== undefined);
  process.stdout.write(`${campaignId}\t${position}\t${what.join(' and ')}: redacted\n`);
  if (!complete) process.stderr.write('The log or the memory of the server may still have it; they are told again.\n');
  if (!salted)
    process.stderr.write(
      'The entry has no salt, as it is of before: whoever guesses all of it can see from its hash that it is right.\n',
    );
  process.stderr.write('Snapshot files, exports and backups of before have it still.\n');
}

/** Has a running server walk the chain of every campaign. Exit code 1: something does not fit. */
async function verifyServer(server: AdminServer, campaigns: readonly string[]): Promise<void> {
  let expected = 0;
  let report: VerifyReport | undefined;
  let found = 0;
  const progress = progressLine('verified', () => expected);
  for await (const line of lines(server, `audit/verify${queryOf(campaigns)}`)) {
    const item: VerifyItem = JSON.parse(line);
    if (item.kind === 'finding') {
      found += 1;
      progress.end();
      process.stdout.write(`${inWords(item.finding)}\n`);
    } else if (item.kind === 'progress') {
      expected = item.progress.expectedEntries;
      progress.show({ ...item.progress, bytes: 0 });
    } else report = item.report;
  }
  progress.end();
  if (!report) giveUp('The verification was cut before its end; the log of the server says why.');
  const { campaigns: count, entries, statements } = report;
  const signed =
    statements === undefined ? 'nothing is signed, as the server has no AUDIT_KEY' : `${statements} signed statements`;
  process.stderr.write(
    `${count} campaigns, ${entries} entries, ${signed}: ${found === 0 ? 'everything fits' : `${found} do not fit`}.\n`,
  );
  if (found > 0) process.exitCode = 1;
}

function inWords({ campaignId, version, problem }: Finding): string {
  const name = campaignId === '*' ? 'The audit itself' : campaignId;
  return `${name}${version === undefined ? '' : `\tversion ${version}`}\t${problem}`;
}

/** How far an export has come: the newest entry of each campaign, and the newest event. */
const exportState = z.object({
  campaigns: z.record(z.string(), z.object({ version: z.int().min(0), tail: z.string() })),
  events: z.int().min(0),
});
type ExportState = z.output<typeof exportState>;

/**
 * Writes entries and events that the state file does not know yet, as lines of JSON. The state is written after each
 * campaign: an export that is killed writes at most one campaign's new entries again.
 */
async function exportAudit(
  server: AdminServer,
  campaigns: readonly string[],
  out: string,
  statePath: string | undefined,
): Promise<void> {
  const state = statePath === undefined ? { campaigns: {}, events: 0 } : await readState(statePath);
  const to: Writable = out === '-' ? process.stdout : createWriteStream(out, { flags: 'a' });
  let entries = 0;
  let done = 0;
  const progress = progressLine('exported', () => 0);
  const save = async (): Promise<void> => {
    if (statePath === undefined) return;
    await writeFile(`${statePath}.part`, JSON.stringify(state));
    await rename(`${statePath}.part`, statePath);
  };

  for await (const campaignId of listed(server, campaigns)) {
    const known = state.campaigns[campaignId];
    // One that stands where it stood may have been replaced: the server compares the tail.
    const after = known ? `&after=${known.version}&tail=${encodeURIComponent(known.tail)}` : '';
    let last = known;
    for await (const line of wholeLines(server, `audit/entries?campaign=${campaignId}${after}`)) {
      const entry: { version: number; tail: string } = JSON.parse(line);
      await write(to, line);
      last = { version: entry.version, tail: entry.tail };
      entries += 1;
    }
    done += 1;
    progress.show({ campaigns: done, entries, bytes: 0 });
    if (last === known || !last) continue;
    state.campaigns[campaignId] = last;
    await save();
  }
  let events = 0;
  if (campaigns.length === 0) {
    for await (const line of wholeLines(server, `audit/events?after=${state.events}`)) {
      const event: { position: number } = JSON.parse(line);
      await write(to, line);
      state.events = event.position;
      events += 1;
    }
    await save();
  }
  progress.end();
  if (out !== '-') await finished(to.end());
  process.stderr.write(`${entries} entries of ${done} campaigns, ${events} events.\n`);
}

/** The campaigns of the server, or those that are named. */
async function* listed(server: AdminServer, campaigns: readonly string[]): AsyncGenerator<string, void, undefined> {
  if (campaigns.length > 0) return yield* campaigns;
  let cursor: string | undefined;
  do {
    const input = encodeURIComponent(JSON.stringify({ limit: 100, ...(cursor !== undefined && { cursor }) }));
    const page = await callOrGiveUp<ListPage>(server, `campaign.list?input=${input}`);
    yield* page.items.map(({ campaignId }) => campaignId);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}

interface ListPage {
  readonly items: readonly { readonly campaignId: string }[];
  readonly nextCursor?: string;
}

async function write(to: Writable, line: string): Promise<void> {
  if (!to.write(`${line}\n`)) await once(to, 'drain');
}

async function readState(path: string): Promise<ExportState> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    return giveUp(`--state: ${path} cannot be read.`);
  });
  if (text === undefined) return { campaigns: {}, events: 0 };
  const read = exportState.safeParse(JSON.parse(text));
  return read.success ? read.data : giveUp(`--state: ${path} is no state of an export.`);
}

/** The lines of a download. */
async function* lines(server: AdminServer, path: string): AsyncGenerator<string, void, undefined> {
  const response = await request(server, path);
  if (!response.ok || !response.body) giveUp(`${server.url}: ${await response.text()}`);
  yield* createInterface({ input: Readable.fromWeb(response.body) });
}

/** The lines of a download that ends with a line which says so; gives up where it does not. */
async function* wholeLines(server: AdminServer, path: string): AsyncGenerator<string, void, undefined> {
  let ended = false;
  for await (const line of lines(server, path)) {
    if (line.startsWith('{"line":"end"')) ended = true;
    else yield line;
  }
  if (!ended) giveUp('The export was cut; run it again with the same --state.');
}

function queryOf(campaigns: readonly string[]): string {
  return campaigns.length === 0 ? '' : `?${campaigns.map((id) => `campaign=${id}`).join('&')}`;
}
