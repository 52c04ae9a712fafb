import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCampaignClient, type CampaignClient } from '../../client-sdk/src/index.ts';
import type { RuleInput } from '../../server/core/document/targeting-fields.ts';
import { axeFaults } from '../tools/axe.ts';
import { consolePage } from './support/console-page.ts';
import { faintTexts } from './support/contrast.ts';
import { enterAs, tokenOf } from './support/enter-as.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';
import { tooWide } from './support/too-wide.ts';

const CAMPAIGN = 'ovasabi_website';
const RULE: RuleInput = {
  order: 1,
  status: 'running',
  unit: 'deviceId',
  coverage: 1,
  arms: { now: { weight: 1, change: {} }, warmer: { weight: 1, change: { merge: { ui_content: { kicker: 'Hi' } } } } },
  metrics: {
    leads: { goal: 'lead', type: 'conversion', better: 'up', role: 'goal' },
    revenue: { goal: 'paid', type: 'sum', better: 'up', cap: 100, role: 'goal' },
  },
};

/** Visitors of whom half of one arm, and a tenth of the other, leave their details; one a second, in the past. */
async function play(client: CampaignClient, campaignId: string, visitors: number, run = 'first'): Promise<void> {
  const startedAt = Date.now() - visitors * 1_000;
  for (let index = 0; index < visitors; index += 1) {
    const viewer = { attributes: { deviceId: `${run}-${index}` } };
    const { epoch, version, assignments } = await client.trpc.campaign.get.query({ campaignId, viewer });
    const { arm = '', phase = 1 } = assignments?.['offer'] ?? {};
    const rendered = { position: `${epoch}:${version}`, at: startedAt + index * 1_000 };
    const isLead = index % (arm === 'now' ? 10 : 2) === 0;
    await client.trpc.analytics.track.mutate({
      campaignId,
      batchId: `${run}-${index}`,
      viewer,
      events: [
        { kind: 'exposure', rule: 'offer', arm, phase, ...rendered },
        ...(isLead ? [{ kind: 'goal', name: 'lead', ...rendered } as const] : []),
      ],
    });
  }
}

describe('the Results tab', () => {
  const stage = useStage();
  let editor: CampaignClient;
  beforeAll(() => {
    editor = createCampaignClient({ url: stage.server.url });
  });
  afterAll(() => editor?.close());

  it('D66 without a rule it says how to send the first event; a rule gets metrics, a ramp and a guard by form', async () => {
    const { page, errors } = await stage.open('/?campaign=murmur_radio_launch');
    const { tab } = consolePage(page);
    const button = (name: string) => page.getByRole('button', { name, exact: true });
    await tab('Results').click();
    await page.getByText('No rule divides the people of this campaign yet.').waitFor();
    expect(await page.getByLabel('How to send the first event').innerText()).toContain(
      "client.campaign('murmur_radio_launch')",
    );
    await tab('Audience').click();
    await page.getByLabel('Add a rule').fill('price');
    await page.keyboard.press('Enter');
    await page.getByLabel('Add an arm').fill('lower');
    await page.keyboard.press('Enter');
    await page.getByLabel('Add a metric').fill('leads');
    await page.keyboard.press('Enter');
    await page.getByLabel('Add a metric').fill('error');
    await page.keyboard.press('Enter');
    await page.getByLabel('What error counts').selectOption('how often');
    await page.getByLabel('What one person counts at most in error').fill('5');
    await page.getByLabel('What is good for error').selectOption('less is better');
    await page.getByLabel('Role of error').selectOption('a guardrail');
    await button('Add a step').click();
    await button('Add a step').click();
    await page.getByLabel('What step 2 holds for').selectOption('people');
    await page.getByLabel('How long step 2 holds').fill('5000');
    await page.getByRole('checkbox', { name: 'error' }).check();
    await page.getByRole('radio', { name: 'end it' }).check();
    await button('Save').click();
    const stored = async () =>
      (await editor.trpc.campaign.get.query({ campaignId: 'murmur_radio_launch' })).state.rules?.['price'];
    await eventually(stored).toMatchObject({
      metrics: {
        leads: { goal: 'lead', type: 'conversion', better: 'up', role: 'goal' },
        error: { goal: 'error', type: 'count', cap: 5, better: 'down', role: 'guardrail' },
      },
      ramp: [
        { coverage: 0.1, for: { minutes: 30 } },
        { coverage: 0.2, for: { units: 5_000 } },
      ],
      guard: { metrics: ['error'], onRegress: 'rollback' },
    });
    // Without the metric, the guard has none either.
    await button('Remove metric error').click();
    await button('Remove step 2').click();
    await button('Save').click();
    await eventually(async () => Object.keys((await stored()) ?? {})).not.toContain('guard');
    expect(errors).toEqual([]);
  });

  it('D67 says in words and figures what came of a rule, live, with the lift over time and how far a change has come', async () => {
    await editor.trpc.campaign.updateRule.mutate({ campaignId: CAMPAIGN, key: 'offer', rule: RULE });
    await play(editor, CAMPAIGN, 240);
    // axe is a script that the page's policy would refuse.
    const { page, errors } = await stage.open('/', { bypassCSP: true, reducedMotion: 'reduce' });
    const { tab, field, saved } = consolePage(page);
    await tab('Results').click();
    const verdict = page.locator('.verdict-words');
    await eventually(() => verdict.innerText()).toMatch(/^(warmer makes leads better|Too early)/);
    await page.getByText('240 people').first().waitFor();
    const leads = page.getByRole('region', { name: 'leads', exact: true });
    await leads
      .getByRole('row', { name: /^warmer/ })
      .getByText(/^\+[\d.,]+ % \([+−][\d.,]+ % to \+[\d.,]+ %\)/)
      .waitFor();

    // Live: others come.
    await play(editor, CAMPAIGN, 40, 'second');
    await page.getByText('280 people').first().waitFor();

    // The chart, by keys and as a table.
    const chart = page.getByRole('img', { name: /^Lift of leads over time/ });
    await chart.focus();
    await page.keyboard.press('End');
    const point = page.locator('.figure', { has: chart }).locator('.plot-point');
    await eventually(() => point.innerText()).toMatch(/^\d\d:\d\d:\d\d: warmer [+−]/);
    const atTheEnd = await point.innerText();
    await page.keyboard.press('Home');
    await eventually(() => point.innerText()).not.toBe(atTheEnd);
    await page.getByText('As a table', { exact: true }).click();
    await page
      .getByRole('region', { name: 'Lift of leads over time, as a table' })
      .getByRole('row', { name: /warmer/ })
      .last()
      .getByText(/^[+−]/)
      .waitFor();
    await page.getByText('By version, as a table').click();
    await page
      .getByRole('region', { name: 'What was counted, by version' })
      .getByText('seen by offer')
      .first()
      .waitFor();

    // A change: this console's own page paints it, and says so.
    await tab('Content').click();
    await field('Title').fill('A change to be followed');
    await saved.waitFor();
    await tab('Results').click();
    await page
      .getByRole('region', { name: 'Reach' })
      .getByText(/^v3 reached 1 of \d+ pages, p99 [\d,]+ (ms|s)/)
      .waitFor();

    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: colorScheme === 'dark' ? 360 : 1440, height: 900 });
      await eventually(() => faintTexts(page, 4.5)).toEqual([]);
      await eventually(() => axeFaults(page)).toEqual([]);
      await eventually(async () => (await tooWide(page)).filter((what) => !what.includes('scroll'))).toEqual([]);
    }
    await page.setViewportSize({ width: 1440, height: 900 });
    await tab('Audience').click();
    await page
      .getByRole('list', { name: 'What was counted of offer' })
      .getByText(/now \d+ people, leads/)
      .waitFor();
    expect(errors).toEqual([]);
  });

  it('D68 the audience’s page counts nobody who has not agreed; then its arms and its lead form count, once over tabs and reloads, of a page that is left too', async () => {
    const campaignId = 'skerry_bay_lifeboat';
    await editor.trpc.campaign.updateRule.mutate({ campaignId, key: 'offer', rule: RULE });
    const counted = async () => {
      const { arms, metrics } = await editor.trpc.analytics.results.query({ campaignId, rule: 'offer' });
      const leads = metrics['leads']?.arms.reduce((sum, { conversions }) => sum + conversions, 0);
      return `${arms.reduce((sum, { units }) => sum + units, 0)} seen, ${leads} leads`;
    };
    const { page, errors } = await stage.open(`/audience.html?campaign=${campaignId}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.getByText('May this page count what you see and do?').waitFor();
    const send = async (on = page): Promise<void> => {
      await on.locator('.lead-form').waitFor();
      for (const box of await on.locator('.lead-form [required]').all())
        await box.fill((await box.getAttribute('type')) === 'email' ? 'ada@example.com' : '7');
      await on.locator('.lead-form button[type=submit]').click();
      await on.locator('.lead-thanks').waitFor();
    };
    await send();
    expect(await counted()).toBe('0 seen, 0 leads');
    await page.getByRole('button', { name: 'Yes, count me' }).click();
    await eventually(counted).toBe('1 seen, 0 leads');
    await page.reload();
    await page.getByText('You are counted.').waitFor();
    const second = await page.context().newPage();
    await second.goto(page.url());
    await second.getByText('You are counted.').waitFor();
    // The page goes before its events would have been sent: the browser sends them for it.
    await send(second);
    await second.goto('about:blank');
    await eventually(counted).toBe('1 seen, 1 leads');
    await second.close();
    await send();
    await page.getByRole('button', { name: 'Stop that' }).click();
    await page.getByText('You are not counted.').waitFor();
    await page.reload();
    await send();
    await page.getByText('You are not counted.').waitFor();
    expect(await counted()).toBe('1 seen, 1 leads');
    expect(errors).toEqual([]);
  });
});

describe('who may see results', () => {
  const AUTH_SECRET = randomBytes(32).toString('hex');
  const stage = useStage({ AUTH_SECRET });

  let editor: CampaignClient;
  beforeAll(async () => {
    const token = await tokenOf({ id: 'ada', name: 'Ada', role: 'admin' }, AUTH_SECRET);
    editor = createCampaignClient({ url: stage.server.url, token });
    await editor.trpc.campaign.updateRule.mutate({ campaignId: CAMPAIGN, key: 'offer', rule: RULE });
    await play(editor, CAMPAIGN, 40);
  });
  afterAll(() => editor?.close());

  it('D69 a viewer sees why there are none for them', async () => {
    const { page } = await stage.open('/');
    await enterAs(page, { id: 'vera', name: 'Vera', role: 'viewer' }, AUTH_SECRET);
    await consolePage(page).tab('Results').click();
    await page.getByText('Results are not shown to you.').waitFor();
    expect(await page.locator('.results').count()).toBe(0);
  });

  it('D69 a viewer whose token says that it may sees them, and changes nothing', async () => {
    const { page, errors } = await stage.open('/');
    await enterAs(page, { id: 'vito', name: 'Vito', role: 'viewer', analytics: true }, AUTH_SECRET);
    await consolePage(page).tab('Results').click();
    await page.getByLabel('Rule', { exact: true }).waitFor();
    await page
      .locator('.results')
      .getByText(/Too early/)
      .first()
      .waitFor();
    expect(
      await page
        .locator('.results')
        .getByRole('button', { name: /pause|end it|save/i })
        .count(),
    ).toBe(0);
    expect(errors).toEqual([]);
  });
});
