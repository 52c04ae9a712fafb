import { Choice } from './Choice.tsx';
import { SharedField } from './SharedField.tsx';

/** One of a few words of the document. */
export function ChoiceField<T extends string>({
  path,
  ...choice
}: {
  label: string;
  path: readonly string[];
  value: T | undefined;
  options: readonly T[];
  choose: (value: T) => void;
}) {
  return (
    <SharedField path={path}>
      <Choice {...choice} />
    </SharedField>
  );
}
