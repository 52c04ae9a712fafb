import { PlainField } from '../../fields/PlainField.tsx';

/** By which attributes people are divided. */
export interface Units {
  unit: string;
  fallbackUnit?: string;
}

/** The attributes by which people are divided: a person's, and that of the device before a login. */
export function UnitFields<T extends Units>({
  line,
  hint,
  faults,
  set,
}: {
  line: T;
  hint: string;
  faults?: { readonly unit?: string | undefined; readonly fallbackUnit?: string | undefined };
  set: (line: T) => void;
}) {
  return (
    <div className="field-pair">
      <PlainField
        label="Divided by"
        value={line.unit}
        fault={faults?.unit}
        change={(unit) => set({ ...line, unit })}
        hint={hint}
      />
      <PlainField
        label="Before a login by"
        value={line.fallbackUnit ?? ''}
        fault={faults?.fallbackUnit}
        placeholder="deviceId"
        change={(fallbackUnit) => set(withFallback(line, fallbackUnit))}
        hint="Optional: who logs in keeps what the device had."
      />
    </div>
  );
}

function withFallback<T extends Units>(line: T, fallbackUnit: string): T {
  if (fallbackUnit !== '') return { ...line, fallbackUnit };
  const without = { ...line };
  delete without.fallbackUnit;
  return without;
}
