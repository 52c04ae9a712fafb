import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { startServer } from '../api/support/server.ts';
import { ROOT } from './support/processes.ts';

const MONITORING = join(ROOT, 'start', 'monitoring');

let rules = '';
let dashboard = '';

beforeAll(async () => {
  rules = await readFile(join(MONITORING, 'alerts.yaml'), 'utf8');
  dashboard = await readFile(join(MONITORING, 'grafana-dashboard.json'), 'utf8');
});

/** The series that a query may name: the metrics, and the three series of each histogram. */
async function shownMetrics(): Promise<Set<string>> {
  const { url } = await startServer();
  const names = new Set<string>();
  for (const [, name = '', type] of (await (await fetch(`${url}/metrics`)).text()).matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    for (const suffix of type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']) names.add(name + suffix);
  }
  return names;
}

function metricsIn(text: string): string[] {
  return [...new Set([...text.matchAll(/campaign_state_\w+/g)].map(([name]) => name))];
}

test('F12 every metric of the dashboard and of the alert rules exists', async () => {
  const shown = await shownMetrics();
  const named = { rules: metricsIn(rules), dashboard: metricsIn(dashboard) };
  expect(named.rules.length).toBeGreaterThan(10);
  expect(named.dashboard.length).toBeGreaterThan(20);
  // Open files are counted on Linux only.
  const expected = [...named.rules, ...named.dashboard].filter(
    (name) => process.platform === 'linux' || !name.endsWith('_fds'),
  );
  expect(expected.filter((name) => !shown.has(name))).toEqual([]);
});

test('F12 the dashboard shows every metric of the service', async () => {
  const own = [...(await shownMetrics())]
    .filter((name) => !/_(nodejs|process)_/.test(name))
    .map((name) => name.replace(/_(bucket|sum|count)$/, ''));
  const named = metricsIn(dashboard).map((name) => name.replace(/_(bucket|sum|count)$/, ''));
  expect([...new Set(own)].filter((name) => !named.includes(name))).toEqual([]);
});

test('F12 the dashboard is valid for Grafana: panels with queries, none over another', () => {
  interface Panel {
    type: string;
    targets?: { expr: string }[];
    gridPos: { x: number; y: number; w: number; h: number };
  }
  const { panels }: { panels: Panel[] } = JSON.parse(dashboard);
  for (const { type, targets } of panels)
    if (type !== 'row') expect(targets?.every(({ expr }) => expr !== '')).toBe(true);
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)}:${y + Math.floor(cell / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
});

test('F12 every alert has a severity and its section in the runbook, and every section its alert', async () => {
  const runbook = await readFile(join(ROOT, 'docs', 'operations.md'), 'utf8');
  const alerts = [...rules.matchAll(/- alert: (\w+)$/gm)].map(([, name = '']) => name);
  expect(alerts.length).toBeGreaterThan(10);
  const sections = [...runbook.matchAll(/^### (CampaignState\w+)$/gm)].map(([, name = '']) => name);
  expect(new Set(sections)).toEqual(new Set(alerts));
  for (const name of alerts) {
    const [, rule = ''] = rules.split(`- alert: ${name}\n`);
    expect(rule).toMatch(/^[^]*?severity: (page|ticket)/);
    expect(rule.split('- alert:')[0]).toContain(`docs/operations.md#${name.toLowerCase()}`);
  }
});
