import { expect, it } from 'vitest';
import { createCampaignClient } from '../../client-sdk/src/index.ts';
import { consolePage } from './support/console-page.ts';
import { eventually } from './support/eventually.ts';
import { useStage } from './support/stage.ts';

const stage = useStage();

it('D112 Chromium offers compression, and shows what it is sent compressed', async () => {
  const { page, errors } = await stage.open();
  const editor = createCampaignClient({ url: stage.server.url });
  try {
    const negotiated = await page.evaluate(
      (url) =>
        new Promise((resolve) => {
          const socket = new WebSocket(url);
          socket.onopen = () => {
            resolve(socket.extensions);
            socket.close();
          };
        }),
      `${stage.server.url.replace(/^http/, 'ws')}/trpc`,
    );
    expect(negotiated).toContain('permessage-deflate');
    expect(negotiated).toContain('server_no_context_takeover');
    // Beyond the length from which it is compressed.
    const banner = `Everything must go: ${'our summer sale begins today, and ends soon. '.repeat(40)}`;
    await editor.campaign('ovasabi_website').updateConfig('ui_content', { banner });
    await eventually(() => consolePage(page).banner.innerText()).toContain('begins today');
    expect(errors).toEqual([]);
  } finally {
    editor.close();
  }
});
