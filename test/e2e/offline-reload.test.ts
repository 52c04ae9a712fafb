import { afterAll, beforeAll, inject, it } from 'vitest';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';

const stage = useStage();
let wire: TcpProxy;

beforeAll(async () => {
  wire = await openTcpProxy(Number(new URL(stage.server.url).port));
});
afterAll(() => wire?.close());

/** How many campaigns the browser has written down. */
function countSeen(): Promise<number> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('campaign-state-seen');
    opening.onerror = () => reject(new Error('IndexedDB cannot be opened'));
    opening.onsuccess = () => {
      const counting = opening.result.transaction('kept').objectStore('kept').count();
      counting.onsuccess = () => {
        opening.result.close();
        resolve(counting.result);
      };
    };
  });
}

it('K27 in a real browser: reloaded without the server, the page shows what it showed, and goes on', async () => {
  const { page } = await stage.open(`${inject('pages')}offline-page/?server=${wire.url}`);
  const title = () => page.getByLabel('Title').inputValue();
  const status = () => page.getByRole('status').innerText();
  await eventually(status).toBe('connected saved 0');
  await eventually(title).not.toBe('');
  const before = await title();
  await eventually(() => page.evaluate(countSeen)).toBe(1);

  wire.sever();
  await page.reload();
  await eventually(title).toBe(before);
  await eventually(status).toMatch(/^(re)?connecting saved 0$/);
  await page.getByLabel('Title').fill('From the tunnel');
  await eventually(status).toMatch(/^(re)?connecting waiting 1$/);
  wire.restore();
  await eventually(status).toBe('connected saved 0');
  await eventually(title).toBe('From the tunnel');
});
