import { useFlash } from './use-flash.ts';

/** A piece of text that shows when it has changed. */
export function Flash({ children }: { children: string }) {
  const element = useFlash<HTMLSpanElement>(children);
  return (
    <span ref={element} className="flash">
      {children}
    </span>
  );
}
