import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { once } from 'node:events';
import { CAMPAIGN_ID_PATTERN } from '../../core/document/campaign.ts';
import { parsePosition } from '../../core/stream/position.ts';
import { readSnapshot } from '../../snapshot/read-snapshot.ts';
import type { RestoreOptions, RestorePoint } from '../../snapshot/restoring/restore-options.ts';
import type { RestoreReport } from '../../snapshot/restoring/restore-report.ts';
import type { RestoreAppended, RestoreFinished } from '../../snapshot/snapshot-service.ts';
import { SnapshotError } from '../../snapshot/snapshot-error.ts';
import { readFiles } from '../../snapshot/snapshot-files.ts';
import { adminServer, call, callOrGiveUp, request, type AdminServer } from './admin-call.ts';
import { giveUp } from './explain.ts';
import { inSize, progressLine } from '../progress.ts';
import { readArguments } from './read-arguments.ts';

/** What a file holds, as far as it was read. */
interface Contents {
  campaigns: number;
  entries: number;
  bytes: number;
  expectedEntries: number;
  createdAt: number;
  readonly damaged: { readonly campaignId: string; readonly problem: string }[];
}

/**
 * The command `snapshot [--campaign id]… [--out file|-] [--url …]`: saves the campaigns of a running server, as its
 * admin. The file is read and proven while it is written; it has its name only when it is whole.
 */
export async function takeSnapshot(args: readonly string[]): Promise<void> {
  const { values } = readArguments(args, {
    campaign: { type: 'string', multiple: true },
    out: { type: 'string' },
    url: { type: 'string' },
  });
  const campaigns = values.campaign ?? [];
  if (!campaigns.every((id) => CAMPAIGN_ID_PATTERN.test(id))) giveUp('--campaign takes the id of a campaign.');
  const server = await adminServer(values.url, 'snapshot');
  const query = campaigns.map((id) => `campaign=${encodeURIComponent(id)}`).join('&');
  const response = await request(server, `snapshot${query === '' ? '' : `?${query}`}`);
  if (!response.ok || !response.body) giveUp(`${server.url}: ${await response.text()}`);

  const out = values.out ?? `campaigns-${new Date().toISOString().slice(0, 19).replaceAll(':', '-')}.jsonl.gz`;
  const part = `${out}.part`;
  const file: Writable = out === '-' ? process.stdout : createWriteStream(part);
  let problem: string | undefined;
  let contents: Contents | undefined;
  try {
    contents = await readThrough(copied(response.body, file), 'saved');
    if (out !== '-') await finished(file.end());
  } catch (error) {
    problem = error instanceof SnapshotError ? error.message : `${out}: ${messageOf(error)}`;
  }
  if (!contents || problem !== undefined) {
    if (out !== '-') await rm(part, { force: true });
    giveUp(`The snapshot is not whole: ${problem}. Its server's log says why it was cut.`);
  }
  if (out !== '-') await rename(part, out);
  for (const campaign of campaigns) if (contents.campaigns === 0) giveUp(`There is no campaign ${campaign}.`);
  process.stderr.write(`${out}: ${inWords(contents)}.\n`);
  endWithDamaged(contents.damaged);
}

/**
 * The command `verify file…|-`: proves every hash of a file, and of those that it goes on from, and restores nothing.
 */
export async function verifySnapshot(args: readonly string[]): Promise<void> {
  const { positionals } = readArguments(args, {});
  const source = sourceOf(positionals);
  const file = positionals.join(' ');
  if (!source) giveUp('verify takes one file, or those of one chain, or - for stdin.');
  const contents = await readThrough(source, 'verified').catch((error: unknown) =>
    giveUp(`${file} is not whole: ${messageOf(error)}.`),
  );
  process.stdout.write(
    `${file} is whole: ${inWords(contents)}, of ${new Date(contents.createdAt).toISOString()}; every hash fits.\n`,
  );
  endWithDamaged(contents.damaged);
}

/**
 * The command `restore file…|- [--campaign id] [--as new-id | --over] [--at position|time] [--dry-run] [--url …]`:
 * restores a file into a running server, as its admin.
 */
export async function restoreFile(args: readonly string[]): Promise<void> {
  const { values, positionals } = readArguments(args, {
    campaign: { type: 'string' },
    as: { type: 'string' },
    over: { type: 'boolean' },
    at: { type: 'string' },
    'dry-run': { type: 'boolean' },
    url: { type: 'string' },
  });
  const source = sourceOf(positionals);
  if (!source) giveUp('restore takes one file, or those of one chain, or - for stdin.');
  if (values.as !== undefined && values.over === true) giveUp('--as and --over exclude each other.');
  const point = values.at === undefined ? undefined : pointOf(values.at);
  if (values.at !== undefined && !point)
    giveUp('--at takes a version, a position such as 5kQ0cB2v:418, or a time such as 2026-11-29T10:00:00Z.');
  const options: RestoreOptions = {
    ...(values.campaign !== undefined && { campaignId: values.campaign }),
    ...(values.as !== undefined && { as: values.as }),
    ...(values.over !== undefined && { over: values.over }),
    ...(point && { at: point }),
    ...(values['dry-run'] === true && { dryRun: true }),
  };
  const server = await adminServer(values.url, 'restore');
  const { restoreId } = await callOrGiveUp<{ restoreId: string }>(server, 'snapshot.restoreBegin', options);
  const report = await send(server, restoreId, source).catch(async (error: unknown) => {
    await call(server, 'snapshot.restoreAbandon', { restoreId });
    giveUp(messageOf(error));
  });
  printReport(report);
}

/** Bytes of the file in one call. */
const PART_BYTES = 384 * 1024;

async function send(server: AdminServer, restoreId: string, source: AsyncIterable<Uint8Array>): Promise<RestoreReport> {
  let offset = 0;
  let expected = 0;
  const progress = progressLine('read', () => expected);
  let shown: RestoreAppended['progress']['phase'] = 'reading';
  const show = ({
    progress: { phase, campaigns, entries, expectedEntries },
  }: Pick<RestoreAppended, 'progress'>): void => {
    expected = expectedEntries;
    if (phase !== shown) progress.restart(phase === 'reading' ? 'read' : 'restored');
    shown = phase;
    progress.show({ campaigns, entries, bytes: offset });
  };
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += PART_BYTES) {
      const part = chunk.subarray(at, at + PART_BYTES);
      const input = { restoreId, offset, bytes: Buffer.from(part).toString('base64') };
      const answer = await call<RestoreAppended>(server, 'snapshot.restoreAppend', input);
      if (!answer.ok) throw new Error(answer.message);
      offset += part.length;
      show(answer.data);
    }
  }
  for (;;) {
    const answer = await call<RestoreFinished>(server, 'snapshot.restoreFinish', { restoreId });
    if (!answer.ok) throw new Error(answer.message);
    if (answer.data.done) {
      progress.end();
      return answer.data.report;
    }
    show(answer.data);
  }
}

/** Reports of single campaigns that are printed; of more, their number is. */
const MAX_PRINTED = 1_000;

const OUTCOMES = { created: 'new', replaced: 'replaced', present: 'restored before', absent: 'not there at that time' };

function printReport({ dryRun, campaigns, damaged }: RestoreReport): void {
  for (const { campaignId, as, outcome, version, position, replaced } of campaigns.slice(0, MAX_PRINTED)) {
    const name = as === campaignId ? as : `${as} (${campaignId})`;
    const columns = [name, OUTCOMES[outcome], `version ${version}`, position, replaced && `before: ${replaced}`];
    process.stdout.write(`${columns.filter((column) => column !== undefined).join('\t')}\n`);
  }
  if (campaigns.length > MAX_PRINTED) process.stdout.write(`… and ${campaigns.length - MAX_PRINTED} more\n`);
  const count = campaigns.filter(({ outcome }) => outcome !== 'absent').length;
  process.stderr.write(
    dryRun ? `Nothing was changed; ${count} campaigns would be restored.\n` : `${count} campaigns are restored.\n`,
  );
  endWithDamaged(damaged);
}

/** A version, a position or a time, as a person writes it. */
function pointOf(text: string): RestorePoint | undefined {
  if (/^[1-9]\d{0,14}$/.test(text)) return { version: Number(text) };
  // A date first: `2026-11-29T10:30` could be a position.
  if (/^\d{4}-\d{2}-\d{2}/.test(text)) {
    const time = Date.parse(text);
    return Number.isNaN(time) ? undefined : { time };
  }
  return parsePosition(text) ? { version: text } : undefined;
}

/** The bytes of a whole snapshot; `undefined` where no file is named, or stdin beside one. */
function sourceOf(files: readonly string[]): AsyncIterable<Uint8Array> | undefined {
  if (files.length === 0 || (files.length > 1 && files.includes('-'))) return undefined;
  return files[0] === '-' ? process.stdin : readFiles(files, PART_BYTES);
}

/** The chunks, each once it has been written. */
async function* copied(chunks: AsyncIterable<Uint8Array>, to: Writable): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    if (to.errored) throw to.errored;
    if (!to.write(chunk)) await once(to, 'drain');
    yield chunk;
  }
}

/** Reads a file to its end, and proves it. */
async function readThrough(source: AsyncIterable<Uint8Array>, what: string): Promise<Contents> {
  const contents: Contents = { campaigns: 0, entries: 0, bytes: 0, expectedEntries: 0, createdAt: 0, damaged: [] };
  const progress = progressLine(what, () => contents.expectedEntries);
  async function* counted(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of source) {
      contents.bytes += chunk.length;
      yield chunk;
    }
  }
  for await (const item of readSnapshot(counted())) {
    if (item.kind === 'snapshot') {
      contents.expectedEntries = item.snapshot.entries;
      contents.createdAt = item.snapshot.createdAt;
    }
    if (item.kind === 'complete') {
      contents.campaigns += 1;
      contents.entries += item.campaign.head.version;
      progress.show(contents);
    }
    if (item.kind === 'damaged') contents.damaged.push(item);
  }
  progress.end();
  return contents;
}

function inWords({ campaigns, entries, bytes }: Contents): string {
  return `${campaigns} campaigns, ${entries} entries, ${inSize(bytes)}`;
}

/** A file without all campaigns is no full success: the exit code says so. */
function endWithDamaged(damaged: Contents['damaged']): void {
  if (damaged.length === 0) return;
  for (const { campaignId, problem } of damaged) process.stderr.write(`Not in the file: ${campaignId}, ${problem}.\n`);
  process.exitCode = 2;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
