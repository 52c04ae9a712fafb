// @vitest-environment jsdom
import { act, cleanup, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ReactNode } from 'react';
import { useCampaign } from '@campaign-state/client/react';
import { CampaignTestProvider, createTestCampaign } from '@campaign-state/client/testing';
import { useField, type Field, type FieldOptions } from '../../../demo/src/fields/use-field.ts';
import { LedgerProvider } from '../../../demo/src/measure/ledger-context.ts';
import { createLedger } from '../../../demo/src/measure/ledger.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
afterEach(() => {
  cleanup();
  vi.useRealTimers();
});

const WAIT_MS = 20_000;
const turn = () => act(() => new Promise<void>((resolve) => setImmediate(resolve)));

/**
 * The check holds after some turns of the event loop, in which no time passes for the page: the wire of the test kit
 * needs some, and so does code that is loaded with the first edit.
 */
async function eventually(check: () => void): Promise<void> {
  const start = performance.now();
  while (performance.now() < start + WAIT_MS) {
    try {
      return check();
    } catch {
      await turn();
    }
  }
  check();
}

async function wait(milliseconds: number): Promise<void> {
  await act(() => vi.advanceTimersByTimeAsync(milliseconds));
}

/** The field of the title, which stands at `title`. */
async function titleField(title: string, options?: FieldOptions) {
  const kit = createTestCampaign({ state: { slug: 'spring', title } });
  const wrapper = ({ children }: { children: ReactNode }) => (
    <LedgerProvider value={createLedger(() => 0)}>
      <CampaignTestProvider campaign={kit}>{children}</CampaignTestProvider>
    </LedgerProvider>
  );
  const hook = renderHook(
    () => useField(['title'], useCampaign((state) => state.title) ?? '', (next) => ({ title: next }), options),
    { wrapper },
  );
  const field = () => hook.result.current;
  const isSaved = () => expect(kit.client.campaign().getSnapshot().sync.state).toBe('saved');
  await eventually(() => expect(kit.client.campaign().getSnapshot().status).toBe('success'));
  return {
    kit,
    field,
    type: (text: string) => act(() => field().change(text)),
    theirs: (text: string) => act(() => kit.push({ title: text })),
    isSaved,
    says: (expected: Partial<Record<keyof Field, unknown>>) =>
      eventually(() => expect(field()).toMatchObject(expected)),
    mutations: () => kit.history().length - 1,
  };
}

describe('a field that is edited', () => {
  it('D3 sends the first stroke at once, bundles those that follow, and sends what is held when it is left', async () => {
    const { kit, field, type, mutations, isSaved } = await titleField('');
    for (const text of ['a', 'ab', 'abc', 'abcd']) {
      type(text);
      await wait(50);
    }
    await eventually(() => expect(kit.state().title).toBe('a'));
    await wait(300);
    await eventually(() => expect(kit.state().title).toBe('abcd'));
    expect(mutations()).toBe(2);
    type('abcde');
    act(() => field().leave());
    await eventually(() => expect(kit.state().title).toBe('abcde'));
    await eventually(isSaved);
    expect(mutations()).toBe(3);
  });

  it('D4 shows the newest value while nothing is typed in it', async () => {
    const { theirs, type, says, isSaved } = await titleField('old');
    theirs('new');
    await says({ value: 'new', conflict: undefined });
    type('mine');
    await eventually(isSaved);
    theirs('newer');
    await says({ value: 'newer', conflict: undefined });
  });

  it('D4 keeps what is being typed, and sends nothing until the person has chosen', async () => {
    const { kit, field, theirs, type, says } = await titleField('old');
    type('m');
    type('mi');
    await eventually(() => expect(kit.state().title).toBe('m'));
    theirs('theirs');
    await says({ value: 'mi', conflict: { theirs: 'theirs' } });
    type('mine');
    act(() => field().leave());
    await wait(1_000);
    expect(kit.state().title).toBe('theirs');
    act(() => field().conflict?.keep());
    await eventually(() => expect(kit.state().title).toBe('mine'));
    await says({ value: 'mine', conflict: undefined, error: undefined });
  });

  it('D4 takes theirs, and does not call that a refusal', async () => {
    const { kit, field, theirs, type, says, isSaved } = await titleField('old');
    type('m');
    type('mi');
    await eventually(() => expect(kit.state().title).toBe('m'));
    theirs('theirs');
    await says({ conflict: { theirs: 'theirs' } });
    act(() => field().conflict?.take());
    await says({ value: 'theirs', conflict: undefined, error: undefined });
    await wait(1_000);
    await eventually(isSaved);
    expect(kit.state().title).toBe('theirs');
    expect(kit.client.campaign().getSnapshot().sync.rejected).toEqual([]);
  });

  it('D4 says what was overwritten on the way, and gives it back', async () => {
    const { kit, field, theirs, type, says } = await titleField('old');
    kit.delay(20);
    type('mine');
    // It is on the wire, and theirs is ordered first.
    theirs('theirs');
    await wait(100);
    await eventually(() => expect(kit.state().title).toBe('mine'));
    await says({ value: 'mine', conflict: { theirs: 'theirs' } });
    act(() => field().conflict?.take());
    await wait(1_000);
    await eventually(() => expect(kit.state().title).toBe('theirs'));
    await says({ value: 'theirs', conflict: undefined });
  });

  it('D4 has no conflict where both wrote the same', async () => {
    const { theirs, type, says } = await titleField('old', { isComplete: (text) => text !== 'same' });
    type('same');
    await says({ value: 'same' });
    theirs('same');
    await says({ value: 'same', conflict: undefined });
    theirs('other');
    await says({ value: 'other', conflict: undefined });
  });

  it('D4 keeps another notation of what the document says, and drops half a value when it is left', async () => {
    const { field, type, says, isSaved } = await titleField('1', {
      isComplete: (text) => text !== '',
      isSame: (a, b) => Number(a) === Number(b),
    });
    type('');
    await says({ value: '' });
    act(() => field().leave());
    await says({ value: '1' });
    type('01');
    await eventually(isSaved);
    await says({ value: '01', conflict: undefined });
  });

  it('D5 keeps what was refused with its reason, and the view that goes back is nobody’s edit', async () => {
    const { kit, field, theirs, type, says } = await titleField('old');
    kit.rejectNext('INVALID', { message: 'title: must not be empty', path: ['title'] });
    type('');
    await says({ value: '', conflict: undefined, error: { reason: 'INVALID' } });
    expect(kit.client.campaign().getSnapshot().state.title).toBe('old');
    expect(kit.client.campaign().getSnapshot().sync.rejected).toEqual([]);

    theirs('theirs');
    await says({ value: '', conflict: { theirs: 'theirs' } });
    type('mine');
    await wait(1_000);
    expect(kit.state().title).toBe('theirs');
    act(() => field().conflict?.keep());
    await eventually(() => expect(kit.state().title).toBe('mine'));
    await says({ value: 'mine', conflict: undefined, error: undefined });
  });

  it('D5 of strokes that are refused one after the other, none is taken for somebody else’s', async () => {
    const { kit, type, says } = await titleField('old');
    kit.rejectNext('INVALID', { message: 'title: too short' });
    type('x');
    type('xy');
    await says({ value: 'xy', conflict: undefined, error: undefined });
    await eventually(() => expect(kit.client.campaign().getSnapshot().sync.pendingCount).toBe(1));
    kit.rejectNext('INVALID', { message: 'title: no' });
    await wait(300);
    await says({ value: 'xy', conflict: undefined, error: { message: 'title: no' } });
    expect(kit.state().title).toBe('old');
  });
});
