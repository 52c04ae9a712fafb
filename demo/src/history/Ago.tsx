import { useNow } from '../use-now.ts';

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });
const exact = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' });

/** How long ago a moment was; the exact one on demand. */
export function Ago({ at }: { at: number }) {
  const seconds = Math.max(0, Math.round((useNow() - at) / 1_000));
  return (
    <time dateTime={new Date(at).toISOString()} title={exact.format(at)}>
      {say(seconds)}
    </time>
  );
}

function say(seconds: number): string {
  if (seconds < 10) return 'just now';
  if (seconds < 60) return relative.format(-seconds, 'second');
  if (seconds < 3_600) return relative.format(-Math.floor(seconds / 60), 'minute');
  if (seconds < 86_400) return relative.format(-Math.floor(seconds / 3_600), 'hour');
  return relative.format(-Math.floor(seconds / 86_400), 'day');
}
