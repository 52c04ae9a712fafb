import { useEffect } from 'react';

/**
 * Callback after the paint of the frame that shows this version: an animation frame runs before its paint, and a
 * message posted from it arrives after. A hidden tab paints nothing, and is not measured.
 */
export function usePaint(version: number, onPaint: (version: number) => void): void {
  useEffect(() => {
    if (version === 0 || document.visibilityState === 'hidden') return undefined;
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      onPaint(version);
    };
    requestAnimationFrame(() => port2.postMessage(undefined));
    return undefined;
  }, [version, onPaint]);
}
