import { SignJWT } from 'jose';
import type { Page } from '../../tools/browser.ts';
import { consolePage } from './console-page.ts';

/** Somebody with a token. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly role: 'viewer' | 'editor' | 'admin';
  /** Whether the token says that its holder may see results. */
  readonly analytics?: boolean;
}

/** A token of that person, for an hour. */
export function tokenOf({ id, name, role, analytics }: Person, secret: string): Promise<string> {
  return new SignJWT({ campaigns: { '*': role }, attributes: { name }, ...(analytics && { analytics }) })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(id)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(secret));
}

/**
 * Shows the page a token of that person, as its form takes it.
 *
 * @param shows what is waited for: the editor, or the page alone
 */
export async function enterAs(
  page: Page,
  person: Person,
  secret: string,
  shows: 'editor' | 'page' = 'editor',
): Promise<void> {
  await page.getByLabel(/^This server wants a token/).fill(await tokenOf(person, secret));
  await page.getByRole('button', { name: 'Use it' }).click();
  await (shows === 'editor' ? consolePage(page).field('Title') : page.getByRole('heading', { level: 1 })).waitFor();
}
