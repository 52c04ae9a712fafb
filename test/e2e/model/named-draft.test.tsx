// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, renderHook, screen, waitFor } from '@testing-library/react';
import { afterEach, describe, expect, it } from 'vitest';
import type { ReactNode } from 'react';
import { trpc, useCampaign } from '@campaign-state/client/react';
import type { RuleGroupInput } from '@campaign-state/client/targeting';
import { CampaignTestProvider, createTestCampaign } from '@campaign-state/client/testing';
import { useGroupDraft } from '../../../demo/src/targeting/drafts.ts';
import { NamedList, type ListedCard } from '../../../demo/src/targeting/NamedList.tsx';
import { useNamedDraft } from '../../../demo/src/targeting/use-named-draft.ts';

afterEach(cleanup);

const WAIT = { timeout: 20_000 };
let kits = 0;

/** The group `checkout` of a campaign, edited as a card does. */
async function groupForm(stored?: { unit: string }) {
  kits += 1;
  // Drafts outlive what shows them: each test has a campaign of its own.
  const kit = createTestCampaign({ campaignId: `spring-${kits}`, state: { slug: 'spring', title: 'Spring' } });
  const wrapper = ({ children }: { children: ReactNode }) => (
    <CampaignTestProvider campaign={kit}>{children}</CampaignTestProvider>
  );
  const removed: string[] = [];
  function useForm() {
    const group = useCampaign((document) => document.groups?.['checkout']);
    const save = trpc.campaign.updateGroup.useMutation();
    const edited = useNamedDraft({
      useDraft: useGroupDraft,
      name: 'checkout',
      // A copy of one's own, as a form has it.
      stored: group && (JSON.parse(JSON.stringify(group)) as RuleGroupInput),
      first: { unit: 'userId' },
      send: (next: RuleGroupInput | null) =>
        save.mutateAsync({
          campaignId: kit.client.campaign().getSnapshot().campaignId ?? '',
          key: 'checkout',
          group: next,
        }),
      reset: save.reset,
      removed: () => removed.push('checkout'),
    });
    return { edited, isStored: group !== undefined };
  }
  if (stored) await kit.client.trpc.campaign.updateGroup.mutate({ ...idOf(kit), key: 'checkout', group: stored });
  const hook = renderHook(useForm, { wrapper });
  const form = () => hook.result.current.edited;
  await waitFor(() => expect(kit.client.campaign().getSnapshot().status).toBe('success'), WAIT);
  await waitFor(() => expect(hook.result.current.isStored).toBe(stored !== undefined), WAIT);
  return { kit, form, removed, isStored: () => hook.result.current.isStored };
}

const idOf = (kit: ReturnType<typeof createTestCampaign>) => ({
  campaignId: kit.client.campaign().getSnapshot().campaignId ?? `spring-${kits}`,
});

describe('the draft of something with a name', () => {
  it('D51 is gone with what is removed: the same name begins anew', async () => {
    const { form, removed, isStored } = await groupForm({ unit: 'userId' });
    act(() => form().edit({ unit: 'accountId' }));
    expect(form()).toMatchObject({ isChanged: true, isStale: false, value: { unit: 'accountId' } });
    await act(() => form().remove());
    await waitFor(() => expect(isStored()).toBe(false), WAIT);
    expect(removed).toEqual(['checkout']);
    expect(form()).toMatchObject({ draft: undefined, value: { unit: 'userId' } });
  });

  it('D51 says that somebody else has changed what it was begun on, and takes theirs', async () => {
    const { kit, form } = await groupForm({ unit: 'userId' });
    act(() => form().edit({ unit: 'accountId' }));
    await act(() =>
      kit.client.trpc.campaign.updateGroup.mutate({ ...idOf(kit), key: 'checkout', group: { unit: 'deviceId' } }),
    );
    await waitFor(() => expect(form().isStale).toBe(true), WAIT);
    // Typing on does not make it newer.
    act(() => form().edit({ unit: 'accountIds' }));
    expect(form().isStale).toBe(true);
    act(() => form().discard());
    expect(form()).toMatchObject({ isStale: false, isChanged: false, value: { unit: 'deviceId' }, discards: 1 });
  });

  it('D51 is saved, and what was typed meanwhile stays, on what is stored by then', async () => {
    const { form, isStored } = await groupForm();
    act(() => form().edit({ unit: 'accountId' }));
    act(() => {
      form().save();
      form().edit({ unit: 'accountIds' });
    });
    await waitFor(() => expect(isStored()).toBe(true), WAIT);
    await waitFor(() => expect(form()).toMatchObject({ isStale: false, value: { unit: 'accountIds' } }), WAIT);
    act(() => form().save());
    await waitFor(() => expect(form()).toMatchObject({ isChanged: false, value: { unit: 'accountIds' } }), WAIT);
  });

  it('D51 a card that goes late takes along itself alone, not what was added meanwhile', () => {
    const cards: ListedCard[] = [];
    render(
      <NamedList
        title="Groups"
        intro={undefined}
        names={[]}
        addLabel="Add a group"
        placeholder=""
        readOnly={false}
        card={(card) => {
          cards.push(card);
          return <p key={card.name}>{`card of ${card.name}`}</p>;
        }}
      />,
    );
    const add = (name: string): void => {
      fireEvent.change(screen.getByLabelText('Add a group'), { target: { value: name } });
      fireEvent.click(screen.getByText('Add'));
    };
    add('one');
    const one = cards.at(-1);
    add('two');
    act(() => one?.removed());
    expect(screen.getAllByText(/^card of/).map(({ textContent }) => textContent)).toEqual(['card of two']);
  });
});
