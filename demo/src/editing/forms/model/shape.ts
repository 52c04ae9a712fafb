import type { JsonValue } from '@campaign-state/client';

/** What a schema says of a value beside its shape. */
interface Described {
  readonly title?: string | undefined;
  readonly description?: string | undefined;
}

/** What a text is for, where that is said. */
export type TextFormat = 'link' | 'email' | 'date' | 'date-time' | 'colour' | 'lines' | 'html';

export interface TextShape extends Described {
  readonly kind: 'text';
  readonly format?: TextFormat | undefined;
  /** Of links. Default: `https` and `http`. */
  readonly schemes?: readonly string[] | undefined;
  /** Whether a link may lead to a path of the page's own origin. */
  readonly isRelative?: boolean | undefined;
  /** Characters. */
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly patterns: readonly string[];
  readonly suggestions: readonly string[];
  /** What it must not be. */
  readonly excluded: readonly JsonValue[];
}

export interface NumberShape extends Described {
  readonly kind: 'number';
  readonly isWhole: boolean;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  /** A minimum that is not reached itself, and a maximum likewise. */
  readonly above?: number | undefined;
  readonly below?: number | undefined;
}

export interface SwitchShape extends Described {
  readonly kind: 'switch';
}

/** One of a few values; one alone is what tells variants apart. */
export interface ChoiceShape extends Described {
  readonly kind: 'choice';
  readonly options: readonly JsonValue[];
}

export interface Member {
  readonly shape: Shape;
  readonly isRequired: boolean;
}

export interface ObjectShape extends Described {
  readonly kind: 'object';
  /** In the order of the schema. */
  readonly members: ReadonlyMap<string, Member>;
  /** Of members that are not named; `undefined`: there are no others. */
  readonly rest: Shape | undefined;
  /** Whether no schema says so: the members are those that a value has. Default: a schema does. */
  readonly isInferred?: boolean | undefined;
}

export interface ListShape extends Described {
  readonly kind: 'list';
  readonly item: Shape;
  /** Items. */
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

export interface UnionShape extends Described {
  readonly kind: 'union';
  readonly options: readonly Shape[];
}

/** Anything: its shape is that of the value that is there. */
export interface OpenShape extends Described {
  readonly kind: 'open';
}

/** What no form says: it is edited as JSON. */
export interface JsonShape extends Described {
  readonly kind: 'json';
}

/** The shape of a value of the document, as a form knows it. */
export type Shape =
  | TextShape
  | NumberShape
  | SwitchShape
  | ChoiceShape
  | ObjectShape
  | ListShape
  | UnionShape
  | OpenShape
  | JsonShape;

export const OPEN: OpenShape = { kind: 'open' };
export const JSON_ONLY: JsonShape = { kind: 'json' };

export const TEXT: TextShape = { kind: 'text', patterns: [], suggestions: [], excluded: [] };
