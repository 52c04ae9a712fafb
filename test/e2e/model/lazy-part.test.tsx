// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { lazyPart } from '../../../demo/src/status/lazy-part.tsx';
import { WAIT } from '../../support/wait.ts';

// React says on the console what a boundary has caught.
beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined));
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
});

const Shown = ({ name }: { name: string }) => <p>{`shown to ${name}`}</p>;

test('D50 a part whose code does not come says so in its place, and is tried again; what stands around it stays', async () => {
  const load = vi.fn<() => Promise<typeof Shown>>();
  load.mockRejectedValueOnce(new Error('Failed to fetch')).mockResolvedValue(Shown);
  const Part = lazyPart('The history', load);
  render(
    <>
      <p>around it</p>
      <div data-testid="place" tabIndex={-1}>
        <Part name="Ada" />
      </div>
    </>,
  );
  await screen.findByRole('heading', { name: 'The history cannot be shown' }, WAIT);
  screen.getByText('around it');
  fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
  // The button is gone: the focus waits where the part is.
  expect(document.activeElement).toBe(screen.getByTestId('place'));
  await screen.findByText('shown to Ada', undefined, WAIT);
  expect(load).toHaveBeenCalledTimes(2);
});

test('D50 who comes later tries by himself, and code that has come is not asked for again', async () => {
  const load = vi.fn<() => Promise<typeof Shown>>();
  load.mockRejectedValueOnce(new Error('Failed to fetch')).mockResolvedValue(Shown);
  const Part = lazyPart('The history', load);
  const first = render(<Part name="Ada" />);
  await screen.findByRole('button', { name: 'Try again' }, WAIT);
  first.unmount();
  render(<Part name="Grace" />);
  await screen.findByText('shown to Grace', undefined, WAIT);
  render(<Part name="Mary" />);
  await screen.findByText('shown to Mary', undefined, WAIT);
  expect(load).toHaveBeenCalledTimes(2);
});

test('D50 a part that cannot be drawn takes nothing else along', async () => {
  let isBroken = true;
  const Part = lazyPart('The results', () =>
    Promise.resolve(() => {
      if (isBroken) throw new Error('a value that nobody thought of');
      return <p>drawn</p>;
    }),
  );
  render(
    <>
      <p>around it</p>
      <Part />
    </>,
  );
  await screen.findByText('A value that nobody thought of.', undefined, WAIT);
  screen.getByText('around it');
  isBroken = false;
  fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
  await screen.findByText('drawn', undefined, WAIT);
});
