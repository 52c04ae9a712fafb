import { createCampaignClient } from '@campaign-state/client';
import type { CampaignDocument } from '@campaign-state/client';
import { beforeAll, describe, expect, it } from 'vitest';
import { rendered } from '../../server/core/document/rendered/rendered.ts';
import type { Page } from '../tools/browser.ts';
import { consolePage } from './support/console-page.ts';
import { HOSTILE_MARKUP, HOSTILE_URLS } from './support/hostile-content.ts';
import { useStage } from './support/stage.ts';

const CAMPAIGN = 'hostile';
const ALL = HOSTILE_MARKUP.join(' ');
const TABS = ['Content', 'Features', 'Theme', 'Details', 'Forms', 'JSON', 'History'];

/** A legal document that holds hostile content in every place that the console and the page show. */
const DOCUMENT: CampaignDocument = {
  slug: CAMPAIGN,
  title: ALL.slice(0, 490),
  description: ALL,
  status: 'active',
  features: [
    'lead_form',
    'countdown',
    'commerce',
    'faq',
    'how_it_works',
    ...HOSTILE_MARKUP.map((text) => text.slice(0, 120)),
  ],
  tags: HOSTILE_MARKUP.map((text) => text.slice(0, 120)),
  ui_content: {
    banner: ALL.slice(0, 900),
    kicker: HOSTILE_MARKUP[1],
    cta: HOSTILE_MARKUP[8],
    cta_note: HOSTILE_URLS[0],
    lead_form: {
      title: HOSTILE_MARKUP[2],
      fields: HOSTILE_MARKUP.slice(0, 8).map((text) => ({ name: text, label: text, type: text, placeholder: text })),
      submit_text: HOSTILE_MARKUP[0],
    },
    footer: ALL,
  },
  ui_components: {
    countdown: { type: 'countdown', label: HOSTILE_MARKUP[1], target: HOSTILE_URLS[0] },
    commerce: { type: 'products', title: HOSTILE_MARKUP[3], module: 'commerce' },
    faq: { type: 'questions', title: HOSTILE_MARKUP[4], script: 'faq' },
    how_it_works: { type: 'steps', title: HOSTILE_MARKUP[5], script: 'faq' },
  },
  theme: {
    primary: 'red;background:url(https://evil.example/x)',
    accent: 'url(javascript:window.ran=1)',
    background: '</style><script>window.ran=1</script>',
    text: 'expression(window.ran=1)',
    font: HOSTILE_MARKUP[1],
  },
  scripts: {
    faq: {
      main_text: ALL,
      questions: HOSTILE_MARKUP.map((text) => ({ question: text, answer: text, title: text, text })),
      steps: HOSTILE_MARKUP.map((text) => ({ title: text, text })),
    },
  },
  commerce: {
    products: HOSTILE_MARKUP.map((text) => ({ name: text, price: text, image: HOSTILE_URLS[4], url: HOSTILE_URLS[0] })),
  },
};

const stage = useStage();

beforeAll(async () => {
  const client = createCampaignClient({ url: stage.server.url });
  try {
    await client.trpc.campaign.create.mutate({
      campaignId: CAMPAIGN,
      state: JSON.parse(JSON.stringify(DOCUMENT)),
    });
  } finally {
    client.close();
  }
});

/** Notes what a page should never do: run what a document holds, open dialogs, or ask other origins. */
function watchHarm(page: Page): () => Promise<string[]> {
  const harm: string[] = [];
  const own = new URL(stage.server.url).host;
  const note = (address: string): void => {
    const { host, protocol } = new URL(address);
    if (/^(https?|wss?):$/.test(protocol) && host !== own) harm.push(`asked ${address.slice(0, 80)}`);
  };
  page.on('response', (response) => note(response.url()));
  // What the policy blocks is announced all the same, and never leaves the browser.
  page.on('requestfailed', (request) => {
    if (!/csp/i.test(request.failure()?.errorText ?? '')) note(request.url());
  });
  page.on('dialog', (dialog) => {
    harm.push(`dialog ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('framenavigated', (frame) => {
    const { host, protocol } = new URL(frame.url());
    if (protocol.startsWith('http') && host !== own) harm.push(`went to ${frame.url().slice(0, 80)}`);
  });
  return async () => {
    if (await page.evaluate(() => 'ran' in window)) harm.push('ran');
    return harm;
  };
}

/** Gives what was inserted the time that it would take to run: two frames, and a turn behind them. */
async function settle(page: Page): Promise<void> {
  await page.evaluate(
    () =>
      new Promise<void>((resolve) =>
        requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => resolve()))),
      ),
  );
}

describe('hostile content', () => {
  it('D30 is text, in every panel of the console and on the page of the audience', async () => {
    const { page, errors } = await stage.open(`/?campaign=${CAMPAIGN}`);
    const harmOf = watchHarm(page);
    const { tab, banner } = consolePage(page);
    await banner.waitFor();
    expect(await banner.innerText()).toContain('<script>');
    for (const name of TABS) {
      await tab(name).click();
      await settle(page);
    }
    await page.goto(`${stage.server.url}/audience.html?campaign=${CAMPAIGN}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    for (const button of await page.getByRole('button').all())
      await button.click({ trial: true, timeout: 5_000 }).catch(() => undefined);
    await settle(page);
    expect(await harmOf()).toEqual([]);
    expect(errors).toEqual([]);
    const inserted = await page.evaluate(
      () => document.querySelectorAll('#root :is(script, iframe, object, embed, base, meta, link)').length,
    );
    expect(inserted).toBe(0);
  });

  it('D30 even inserted as markup it runs nothing under the policy of the page, and leads nowhere', async () => {
    const { page } = await stage.open(`/audience.html?campaign=${CAMPAIGN}`);
    const harmOf = watchHarm(page);
    await page.getByRole('heading', { level: 1 }).waitFor();
    const blocked = await page.evaluate(
      async ({ markup, urls }) => {
        let violations = 0;
        document.addEventListener('securitypolicyviolation', () => (violations += 1));
        const place = document.createElement('div');
        document.body.append(place);
        for (const text of markup) {
          // A picture may come from elsewhere, and a refresh is what `rendered.html` is for: neither runs anything.
          if (/https:\/\/example\.com\/x\.png|evil\.example\/x\)|http-equiv/.test(text)) continue;
          place.insertAdjacentHTML('beforeend', text);
        }
        for (const address of urls.filter((url) => /script:/i.test(url))) {
          const link = document.createElement('a');
          link.href = address;
          place.append(link);
          link.click();
        }
        const script = document.createElement('script');
        script.src = 'https://evil.example/x.js';
        place.append(script);
        await new Promise((resolve) => setTimeout(resolve, 200));
        return violations;
      },
      { markup: HOSTILE_MARKUP, urls: HOSTILE_URLS },
    );
    await settle(page);
    expect(blocked).toBeGreaterThan(5);
    expect(await harmOf()).toEqual([]);
    expect(new URL(page.url()).pathname).toBe('/audience.html');
  });

  it('D30 what the schemas for rendered content take runs nothing in Chromium without any policy', async () => {
    const { page } = await stage.open('/livez');
    const taken = HOSTILE_MARKUP.filter((text) => rendered.html().safeParse(text).success);
    const [links, sources] = [
      HOSTILE_URLS.filter((url) => rendered.url().safeParse(url).success),
      HOSTILE_URLS.filter(
        (src) => rendered.scriptSource().safeParse({ src, integrity: `sha384-${'A'.repeat(64)}` }).success,
      ),
    ];
    // Some are, or this would show nothing.
    expect(taken.length).toBeGreaterThan(3);
    expect(links).toContain('https://example.com/path?query#fragment');
    await page.route('**/*', (route) => route.abort());
    const found = await page.evaluate(
      async ({ taken, links, sources }) => {
        const all = document.createElement('div');
        document.body.append(all);
        for (const text of taken) {
          const place = document.createElement('div');
          all.append(place);
          place.innerHTML = text;
          // Once more, as editors that read their own HTML back do.
          place.innerHTML = `${place.innerHTML}`;
        }
        await new Promise((resolve) => setTimeout(resolve, 200));
        const handlers = [...all.querySelectorAll('*')].flatMap((element) =>
          element.getAttributeNames().filter((name) => name.startsWith('on')),
        );
        const protocolOf = (address: string): string =>
          Object.assign(document.createElement('a'), { href: address }).protocol;
        const scripts = sources.map(
          (src) => new URL(Object.assign(document.createElement('script'), { src }).src).protocol,
        );
        return {
          ran: 'ran' in window,
          handlers,
          protocols: [...new Set([...links.map(protocolOf), ...scripts])],
          elements: all.querySelectorAll('script, iframe, object, embed, style, svg, math, form, base, meta, link')
            .length,
        };
      },
      { taken, links, sources },
    );
    expect(found).toEqual({ ran: false, handlers: [], protocols: ['https:'], elements: 0 });
  });
});
