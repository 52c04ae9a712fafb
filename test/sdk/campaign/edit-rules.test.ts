import { expect, test, vi } from 'vitest';
import { createTestCampaign } from '../../../client-sdk/src/testing/vanilla.ts';
import { breathe } from '../support/breathe.ts';
import { WAIT } from '../../support/wait.ts';

const loads = vi.hoisted(() => vi.fn());
vi.mock(import('../../../client-sdk/src/sync/edit-rules.ts'), async (load) => {
  loads();
  return load();
});

test('K283 the code for edits is loaded once a client that is known to edit is live, and by no other', async () => {
  const reader = createTestCampaign();
  reader.client.campaign().subscribe(() => undefined);
  await vi.waitFor(() => expect(reader.client.campaign().getSnapshot().status).toBe('success'), WAIT);
  reader.push({ title: 'Theirs' });
  await breathe();
  expect(loads).not.toHaveBeenCalled();
  reader.client.close();

  const editing = createTestCampaign({ onConflict: 'ask' });
  editing.client.campaign().subscribe(() => undefined);
  await vi.waitFor(() => expect(loads).toHaveBeenCalledOnce(), WAIT);
  editing.client.close();
});
