import { Component, type MouseEvent, type ReactNode } from 'react';
import { sayRefusal } from './say-refusal.ts';

interface BoundaryProps {
  /** What is in it, as a sentence begins: The history. */
  readonly what: string;
  /** Before it is shown again. */
  readonly retried?: () => void;
  readonly children: ReactNode;
}

interface BoundaryState {
  readonly error: Error | undefined;
}

/**
 * Where something in it cannot be drawn, says what, and offers to try again; all around it goes on. A class: React has
 * no other form for it.
 */
export class Boundary extends Component<BoundaryProps, BoundaryState> {
  override state: BoundaryState = { error: undefined };

  static getDerivedStateFromError(thrown: unknown): BoundaryState {
    return { error: thrown instanceof Error ? thrown : new Error(String(thrown)) };
  }

  override render(): ReactNode {
    const { what, retried, children } = this.props;
    const { error } = this.state;
    if (!error) return children;
    const retry = (event: MouseEvent<HTMLElement>): void => {
      // The button goes: the focus waits where the part will be.
      event.currentTarget.parentElement?.closest<HTMLElement>('[tabindex]')?.focus({ preventScroll: true });
      retried?.();
      this.setState({ error: undefined });
    };
    return (
      <div className="problem" role="alert">
        <h2>{what} cannot be shown</h2>
        <p>{sayRefusal(error)}</p>
        <p>
          <button type="button" onClick={retry}>
            Try again
          </button>
        </p>
      </div>
    );
  }
}
