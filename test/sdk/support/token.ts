import { SignJWT } from 'jose';

export const SECRET = 'a secret of at least thirty-two characters';
/** A token of that role for every campaign, which lasts that long. */
export function token(role: string, seconds = 3_600): Promise<string> {
  return new SignJWT({ campaigns: { '*': role } })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(role)
    .setExpirationTime(Math.floor(Date.now() / 1_000) + seconds)
    .sign(new TextEncoder().encode(SECRET));
}
