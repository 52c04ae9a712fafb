// @vitest-environment jsdom
import { QueryClient, QueryClientProvider, useMutation } from '@tanstack/react-query';
import { act, cleanup, render, screen } from '@testing-library/react';
import { afterEach, expect, test } from 'vitest';
import { userOf } from '../../../client-sdk/src/link/token-provider.ts';
import { CampaignProvider, getQueryKey, trpc, useCampaignHistory } from '../../../client-sdk/src/react/index.ts';
import { useCampaignTable } from '../../../client-sdk/src/react/campaigns/index.ts';
import { createTestCampaign } from '../../../client-sdk/src/testing/index.ts';
import { later, WAIT } from '../support/world.ts';

afterEach(cleanup);

/** What each render has shown, so that nothing is missed between two of them. */
const renders: string[] = [];

function History() {
  const { entries } = useCampaignHistory();
  const shown = entries.map(({ comment = '' }) => comment).join();
  renders.push(shown);
  return <p>{`history: ${shown}`}</p>;
}

function Table() {
  const { rows } = useCampaignTable();
  const shown = [...rows.values()].map(({ title }) => title).join();
  renders.push(shown);
  return <p>{`table: ${shown}`}</p>;
}

test('K240 after a change of the client, no render shows what the former one was answered', async () => {
  const kits = await Promise.all(['anna', 'ben'].map(kitOf));
  const [hers, his] = kits.map(({ client }) => (
    <CampaignProvider key="provider" client={client}>
      <History />
    </CampaignProvider>
  ));
  const { rerender } = render(hers);
  await screen.findByText(/by anna/, undefined, WAIT);
  await kits[0]?.client.forget();
  const before = renders.length;
  rerender(his);
  await screen.findByText(/by ben/, undefined, WAIT);
  expect(renders.slice(before).filter((shown) => shown.includes('anna'))).toEqual([]);
});

async function kitOf(user: string) {
  const kit = createTestCampaign();
  later(kit.client.close);
  await kit.client.campaign().update({ title: user }, { comment: `by ${user}` });
  return kit;
}

test('K344 once the client is another user’s, a table shows no row of the former one, not even while it waits', async () => {
  const { client } = await kitOf('anna');
  await client.authenticate(jwt('anna', 1));
  render(
    <CampaignProvider client={client}>
      <Table />
    </CampaignProvider>,
  );
  await screen.findByText('table: anna', undefined, WAIT);
  // Her token is renewed.
  const before = renders.length;
  await act(() => client.authenticate(jwt('anna', 2)));
  expect(renders.slice(before)).not.toContain('');
  await act(() => client.authenticate(jwt('ben', 3)));
  await screen.findByText('table: anna', undefined, WAIT);
  expect(renders.slice(before)).toContain('');
});

test('K241 two clients that share a QueryClient have entries of their own in it, and take them along when they go', async () => {
  const [anna, ben] = await Promise.all([kitOf('anna'), kitOf('ben')]);
  const queryClient = new QueryClient();
  queryClient.setQueryData(['of the app'], 'kept');
  render(
    <QueryClientProvider client={queryClient}>
      {[anna, ben].map(({ client }, index) => (
        <CampaignProvider key={index} client={client}>
          <History />
        </CampaignProvider>
      ))}
    </QueryClientProvider>,
  );
  await screen.findByText(/by anna/, undefined, WAIT);
  await screen.findByText(/by ben/, undefined, WAIT);
  expect(screen.getAllByText(/history:/).map(({ textContent }) => textContent)).toEqual([
    'history: by anna,',
    'history: by ben,',
  ]);
  const key = [['campaign', 'history']];
  expect(queryClient.getQueryCache().findAll({ queryKey: key })).toHaveLength(2);
  const before = renders.length;
  await act(() => anna.client.forget());
  await screen.findByText('history:', undefined, WAIT);
  expect(renders.slice(before).filter((shown) => shown.includes('anna'))).toEqual([]);
  expect(JSON.stringify(queryClient.getQueriesData({ queryKey: key }))).not.toContain('anna');
  expect(JSON.stringify(queryClient.getQueriesData({ queryKey: key }))).toContain('by ben');
  cleanup();
  ben.client.close();
  const kept = queryClient.getQueryCache().getAll();
  expect(kept.flatMap(({ state }) => state.data ?? [])).toEqual(['kept']);
});

test('K241 mutations of a client go with it, and the app’s stay', async () => {
  const { client } = await kitOf('anna');
  const queryClient = new QueryClient();
  function Buttons() {
    const own = trpc.campaign.archive.useMutation();
    const others = useMutation({ mutationFn: () => Promise.resolve('of the app') });
    return (
      <>
        <button onClick={() => own.mutate({ campaignId: 'test' })}>{`archive ${own.status}`}</button>
        <button onClick={() => others.mutate()}>{`other ${others.status}`}</button>
      </>
    );
  }
  render(
    <CampaignProvider client={client} queryClient={queryClient}>
      <Buttons />
    </CampaignProvider>,
  );
  for (const button of screen.getAllByRole('button')) button.click();
  await screen.findByText('archive success', undefined, WAIT);
  await screen.findByText('other success', undefined, WAIT);
  expect(queryClient.getMutationCache().getAll()).toHaveLength(2);
  client.close();
  expect(
    queryClient
      .getMutationCache()
      .getAll()
      .map(({ state }) => state.data),
  ).toEqual(['of the app']);
});

test('K241 the entries of the only client have their usual names, and the app’s defaults', async () => {
  const { client } = await kitOf('anna');
  const queryClient = new QueryClient();
  queryClient.setQueryDefaults([['campaign', 'history']], { meta: { mine: true } });
  render(
    <CampaignProvider client={client} queryClient={queryClient}>
      <History />
    </CampaignProvider>,
  );
  await screen.findByText(/by anna/, undefined, WAIT);
  const key = getQueryKey(trpc.campaign.history, { campaignId: 'test' }, 'infinite');
  expect(JSON.stringify(queryClient.getQueryData(key))).toContain('by anna');
  expect(queryClient.getQueryCache().find({ queryKey: key })?.meta).toMatchObject({ mine: true });
});

test('K242 when a client comes to be another user’s, what the former one was answered is asked for again', async () => {
  const { client } = await kitOf('anna');
  const queryClient = new QueryClient();
  render(
    <CampaignProvider client={client} queryClient={queryClient}>
      <History />
    </CampaignProvider>,
  );
  await screen.findByText(/by anna/, undefined, WAIT);
  const seen: unknown[] = [];
  queryClient.getQueryCache().subscribe(({ query }) => seen.push(query.state.data));
  await act(() => client.authenticate(jwt('anna', 1)));
  await screen.findByText(/by anna/, undefined, WAIT);
  expect(seen.splice(0)).toContain(undefined);
  // Her token is renewed.
  await act(() => client.authenticate(jwt('anna', 2)));
  expect(seen.splice(0)).not.toContain(undefined);
  await act(() => client.authenticate(jwt('ben', 3)));
  await screen.findByText(/by anna/, undefined, WAIT);
  expect(seen).toContain(undefined);
});

test('K242 the user of a token is its subject; of a token that is no JWT, the token itself', () => {
  const ofUser = (token: string | undefined, other: string | undefined) => userOf(token) === userOf(other);
  expect(ofUser(jwt('anna', 1), jwt('anna', 2))).toBe(true);
  expect(ofUser(jwt('anna', 1), jwt('ben', 1))).toBe(false);
  expect(ofUser(jwt('ännä?>', 1), jwt('ännä?>', 2))).toBe(true);
  for (const [token, other] of [
    ['key1', 'key2'],
    ['a.b.c', 'a.b.d'],
    [undefined, 'key1'],
    [`a.${btoa('{}')}.b`, `a.${btoa('{}')}.c`],
    [`a.${btoa('null')}.b`, `a.${btoa('1')}.c`],
  ]) {
    expect(ofUser(token, other)).toBe(false);
    expect(ofUser(token, token)).toBe(true);
  }
});

function jwt(sub: string, issuedAt: number): string {
  const bytes = new TextEncoder().encode(JSON.stringify({ sub, iat: issuedAt }));
  const payload = btoa(String.fromCodePoint(...bytes));
  return `header.${payload.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}.signature`;
}
