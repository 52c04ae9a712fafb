import { lazy, Suspense, useState, type ComponentType, type LazyExoticComponent } from 'react';
import { Boundary } from './Boundary.tsx';

/**
 * A part of the console whose code comes when it is looked at. Where it does not come, as from a server that is away,
 * or the part cannot be drawn, that is said in its place, and it can be tried again.
 *
 * @param what the part, as a sentence begins: The history
 * @param className of what stands there meanwhile
 */
export function lazyPart<P extends object>(
  what: string,
  load: () => Promise<ComponentType<P>>,
  className = '',
): ComponentType<P> {
  /** The same one for all who show it, until its code has failed to come. */
  let current = begin();

  function begin(): LazyExoticComponent<ComponentType<P>> {
    const part = lazy(async () => {
      try {
        return { default: await load() };
      } catch (cause) {
        if (current === part) current = begin();
        const words = 'Its code has not come: the server is away, or was updated, and the page has to be loaded again';
        throw new Error(words, { cause });
      }
    });
    return part;
  }

  return function LazyPart(props: P) {
    const [{ Part }, setPart] = useState({ Part: current });
    return (
      <Boundary what={what} retried={() => setPart({ Part: current })}>
        <Suspense fallback={<div className={`skeleton ${className}`} role="status" aria-label={`Loading: ${what}`} />}>
          <Part {...props} />
        </Suspense>
      </Boundary>
    );
  };
}
