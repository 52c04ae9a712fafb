import { parseArgs } from 'node:util';
import { createCampaignClient, toCampaignError, type CampaignClient } from '@campaign-state/client';
import { startTracking } from '@campaign-state/client/analytics';
import type { RuleInput } from '@campaign-state/client/targeting';

/**
 * `npm run demo:traffic`: plays visitors of a campaign with a known effect, so that there are results to look at within
 * a minute. Each is told by the server which arm it has, as any page is, and says what it was shown and did.
 */

const KEY = 'demo_traffic';

/** How often each arm's visitors do something: what results will have to find. */
const TRUTH = { control: { lead: 0.1, error: 0.02 }, other: { lead: 0.15, error: 0.02 } } as const;

const RULE: RuleInput = {
  order: 900,
  status: 'running',
  unit: 'deviceId',
  coverage: 1,
  arms: {
    now: { weight: 1, change: {} },
    warmer: { weight: 1, change: { merge: { ui_content: { cta: 'Count me in' } } } },
  },
  metrics: {
    leads: { goal: 'lead', type: 'conversion', better: 'up', role: 'goal' },
    revenue: { goal: 'paid', type: 'sum', better: 'up', cap: 100, role: 'goal' },
    errors: { goal: 'error', type: 'count', better: 'down', cap: 5, role: 'guardrail' },
  },
};

/** Visitors that are told their arm, and tell what they do, at the same time. */
const AT_ONCE = 16;

interface Traffic {
  readonly url: string;
  readonly token: string | undefined;
  /** Default: the server's default campaign. */
  readonly campaignId: string | undefined;
  readonly visitors: number;
  readonly seconds: number;
  /** Pages that stay open meanwhile, and report what they paint. */
  readonly pages: number;
}

async function play({ url, token, campaignId: named, visitors, seconds, pages }: Traffic): Promise<void> {
  const clients: CampaignClient[] = [];
  const connect = (): CampaignClient => {
    const client = createCampaignClient({ url, token });
    clients.push(client);
    return client;
  };
  try {
    const client = connect();
    const campaignId = named ?? (await client.trpc.system.info.query()).defaultCampaignId;
    if (campaignId === undefined) throw new Error('This server has no default campaign: name one by --campaign');
    await startRule(client, campaignId);
    for (let page = 0; page < pages; page += 1) startTracking(connect()).reportPaints(1, campaignId);

    say(`${count(visitors)} visitors of ${campaignId} at ${url}, in about ${seconds} s, and ${pages} open pages.`);
    say('Open the console, tab Results; change something, and see how fast it reaches the pages.');
    const run = Date.now().toString(36);
    const startedAt = Date.now();
    let done = 0;
    let next = 0;
    const playOn = async (): Promise<void> => {
      while (next < visitors) {
        const visitor = next;
        next += 1;
        const due = startedAt + (visitor / visitors) * seconds * 1_000;
        await pause(due - Date.now());
        await visit(client, campaignId, `${run}-${visitor}`);
        done += 1;
        progress(done, visitors);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, playOn));

    const results = await client.trpc.analytics.results.query({ campaignId, rule: KEY });
    say(`What was played: ${percent(TRUTH.control.lead)} of those who saw “now” left their details,`);
    say(`${percent(TRUTH.other.lead)} of the others: a lift of ${percent(TRUTH.other.lead / TRUTH.control.lead - 1)}.`);
    say(`What was found:  ${results.verdict}`);
  } finally {
    for (const client of clients) client.close();
  }
}

/** Starts the rule, where it does not run already. */
async function startRule(client: CampaignClient, campaignId: string): Promise<void> {
  const { state } = await client.trpc.campaign.get.query({ campaignId });
  if (state.rules?.[KEY]?.status === 'running') return;
  await client.trpc.campaign.updateRule.mutate({
    campaignId,
    key: KEY,
    rule: { ...state.rules?.[KEY], ...RULE },
    comment: 'Played by demo:traffic',
  });
}

/** One visitor: sees the page, and perhaps leaves its details, pays, or meets an error. */
async function visit(client: CampaignClient, campaignId: string, deviceId: string): Promise<void> {
  const viewer = { attributes: { deviceId } };
  const { epoch, version, assignments } = await client.trpc.campaign.get.query({ campaignId, viewer });
  const { arm, phase } = assignments?.[KEY] ?? {};
  if (arm === undefined || phase === undefined) return;
  const rendered = { position: `${epoch}:${version}`, at: Date.now() };
  const { lead, error } = arm === 'now' ? TRUTH.control : TRUTH.other;
  const isLead = Math.random() < lead;
  const did = (name: string, value?: number) =>
    ({ kind: 'goal', name, ...rendered, ...(value !== undefined && { value }) }) as const;
  await client.trpc.analytics.track.mutate({
    campaignId,
    batchId: `traffic-${deviceId}`,
    sentAt: Date.now(),
    viewer,
    events: [
      { kind: 'exposure', rule: KEY, arm, phase, ...rendered },
      ...(isLead ? [did('lead')] : []),
      ...(isLead && Math.random() < 0.5 ? [did('paid', 10 + Math.round(Math.random() * 4_000) / 100)] : []),
      ...(Math.random() < error ? [did('error')] : []),
    ],
  });
}

let told = 0;

/** A line that is written over on a terminal; elsewhere one for each tenth. */
function progress(done: number, all: number): void {
  const tenth = Math.floor((done * 10) / all);
  if (process.stdout.isTTY) {
    const bar = '█'.repeat(tenth * 2).padEnd(20, '░');
    process.stdout.write(`\r  ${bar} ${count(done)} of ${count(all)}${done === all ? '\n' : ''}`);
  } else if (tenth > told) say(`${count(done)} of ${count(all)}`);
  told = tenth;
}

function count(people: number): string {
  return people.toLocaleString('en');
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, milliseconds)));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** @throws Error what to write instead */
function amount(name: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new Error(`--${name} is ${text}: write a number`);
}

try {
  const { PORT = '4000', TOKEN } = process.env;
  const { values } = parseArgs({
    options: {
      url: { type: 'string', default: `http://127.0.0.1:${PORT}` },
      token: { type: 'string' },
      campaign: { type: 'string' },
      visitors: { type: 'string', default: '4000' },
      seconds: { type: 'string', default: '40' },
      pages: { type: 'string', default: '20' },
    },
  });
  await play({
    url: values.url,
    token: values.token ?? TOKEN,
    campaignId: values.campaign,
    visitors: amount('visitors', values.visitors),
    seconds: amount('seconds', values.seconds),
    pages: amount('pages', values.pages),
  });
} catch (thrown) {
  process.stderr.write(`demo:traffic: ${toCampaignError(thrown).message}\n`);
  process.exitCode = 1;
}
