import type { JsonValue } from '@campaign-state/client';
import type { FormField } from './fields.ts';
import { faultOf } from './faults.ts';

/** What a typed text comes to: a value, nothing (the field leaves the document), or what is wrong with it. */
export type TypedValue =
  | { readonly ok: true; readonly value: JsonValue | undefined }
  | { readonly ok: false; readonly words: string };

/** A value of a field as its control writes it. */
export function written(value: JsonValue | undefined): string {
  return value === undefined || value === null || typeof value === 'object' ? '' : String(value);
}

/** Years are typed digit by digit: 0002 and 0202 come before 2026, and are not meant. */
const FIRST_YEAR = '1000';

/** The value that a text typed into the control of a text or a number comes to. */
export function typedValue({ shape, isOptional }: Pick<FormField, 'shape' | 'isOptional'>, typed: string): TypedValue {
  if (typed === '' && isOptional) return { ok: true, value: undefined };
  if (shape.kind === 'number' && (typed.trim() === '' || !Number.isFinite(Number(typed))))
    return { ok: false, words: typed.trim() === '' ? 'is required' : 'must be a number' };
  if (shape.kind === 'text' && shape.format === 'date' && typed !== '' && typed < FIRST_YEAR)
    return { ok: false, words: 'must have a year of four digits' };
  const value = shape.kind === 'number' ? Number(typed) : typed;
  const fault = faultOf(shape, value);
  return fault ? { ok: false, words: fault.words } : { ok: true, value };
}
