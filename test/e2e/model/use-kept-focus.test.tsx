// @vitest-environment jsdom
import { act, cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, describe, expect, it } from 'vitest';
import { useRef, useState } from 'react';
import type { ReactNode } from 'react';
import { useKeptFocus } from '../../../demo/src/ways/use-kept-focus.ts';

afterEach(cleanup);

/** A place that asks for a lost focus at every occasion. */
function Place({ name, occasion, children }: { name: string; occasion: unknown; children?: ReactNode }) {
  const element = useRef<HTMLDivElement>(null);
  useKeptFocus(element, occasion);
  return (
    <div ref={element} role="group" tabIndex={-1} aria-label={name}>
      {children}
    </div>
  );
}

/** A list whose button is gone once it was pressed, beside an editor that has just loaded. */
function Page({ isNearFirst }: { isNearFirst: boolean }) {
  const [isPressed, setPressed] = useState(false);
  const [loaded, setLoaded] = useState(0);
  const editor = <Place key="editor" name="the editor" occasion={`${isPressed} ${loaded}`} />;
  const list = (
    <section key="list">
      <Place name="the list" occasion={isPressed} />
      {!isPressed && (
        <button
          type="button"
          onClick={() => {
            setPressed(true);
            setLoaded(loaded + 1);
          }}
        >
          Choose several
        </button>
      )}
    </section>
  );
  return <>{isNearFirst ? [list, editor] : [editor, list]}</>;
}

/** Long enough for what waits for the next frame. */
const nextFrame = () => act(() => new Promise((resolve) => requestAnimationFrame(() => resolve(undefined))));

describe('a focus that is lost', () => {
  it.each([true, false])(
    'D52 goes to the nearest of the places that ask for it at once (near first: %s)',
    async (isNearFirst) => {
      render(<Page isNearFirst={isNearFirst} />);
      const button = screen.getByRole('button');
      await nextFrame();
      button.focus();
      fireEvent.keyDown(button, { key: 'Enter' });
      fireEvent.click(button);
      expect(document.activeElement).toBe(document.body);
      await nextFrame();
      expect(document.activeElement).toBe(screen.getByRole('group', { name: 'the list' }));
    },
  );

  it('D52 stays where it is, whoever asks', async () => {
    const { rerender } = render(<Place name="the editor" occasion={1} />);
    const field = document.body.appendChild(document.createElement('input'));
    field.focus();
    fireEvent.keyDown(field, { key: 'a' });
    rerender(<Place name="the editor" occasion={2} />);
    await nextFrame();
    expect(document.activeElement).toBe(field);
    field.remove();
  });
});
