/** Members of one piece, at most: what a change of one of them writes anew. */
const PIECE_MEMBERS = 16;

/** A member and its place. */
interface Placed {
  readonly sequence: number;
}

interface Piece<M> {
  /** In the order of their places; never empty. */
  readonly members: M[];
  /** Their texts, joined; `undefined` until they are asked for. */
  text: string | undefined;
}

/**
 * The text of an object's members, in the order of their places, in pieces that are kept: after a change only the
 * pieces with what has changed are written again.
 *
 * Each commit of a document takes its text. To write all of 18,000 members takes milliseconds, and the lists of them
 * are as much work for the garbage collector again.
 */
export class TextPieces<M extends Placed> {
  readonly #pieces: (Piece<M> | undefined)[] = [];
  readonly #textOf: (member: M) => string | undefined;

  /** @param textOf the text of a member; `undefined` where its place in the text is another one */
  constructor(textOf: (member: M) => string | undefined) {
    this.#textOf = textOf;
  }

  /** Takes some members out, and others in, each at its place. */
  replace(gone: readonly M[], came: readonly M[]): void {
    for (const member of gone) {
      const at = pieceOf(member);
      const piece = this.#pieces[at];
      if (!piece) continue;
      piece.members.splice(piece.members.indexOf(member), 1);
      piece.text = undefined;
      if (piece.members.length === 0) this.#pieces[at] = undefined;
    }
    for (const member of came) {
      const piece = (this.#pieces[pieceOf(member)] ??= { members: [], text: undefined });
      // Most are new, and come last.
      const before = piece.members.findLastIndex(({ sequence }) => sequence < member.sequence);
      piece.members.splice(before + 1, 0, member);
      piece.text = undefined;
    }
  }

  /** Places that it has, taken or empty. */
  get places(): number {
    return this.#pieces.length * PIECE_MEMBERS;
  }

  /** The texts of all members, separated by commas; `undefined` where the place of one is another in the text. */
  join(): string | undefined {
    const texts: string[] = [];
    for (const piece of this.#pieces) {
      if (!piece) continue;
      piece.text ??= this.#write(piece.members);
      if (piece.text === undefined) return undefined;
      texts.push(piece.text);
    }
    return texts.join(',');
  }

  #write(members: readonly M[]): string | undefined {
    const texts: string[] = [];
    for (const member of members) {
      const text = this.#textOf(member);
      if (text === undefined) return undefined;
      texts.push(text);
    }
    return texts.join(',');
  }
}

function pieceOf({ sequence }: Placed): number {
  return Math.floor(sequence / PIECE_MEMBERS);
}
