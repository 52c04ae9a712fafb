import { useId, useState } from 'react';
import { keepToken } from '../connect.ts';

/** Asks for a token where the server wants one. */
export function TokenForm() {
  const id = useId();
  const [token, setToken] = useState('');
  return (
    <form
      className="strip token-form"
      onSubmit={(event) => {
        event.preventDefault();
        keepToken(token.trim());
      }}
    >
      <label htmlFor={id}>
        This server wants a token. <code>npm run token -- --role editor</code> makes one.
      </label>
      <input
        id={id}
        type="password"
        required
        autoComplete="off"
        value={token}
        onChange={(event) => setToken(event.target.value)}
      />
      <button type="submit" className="primary">
        Use it
      </button>
    </form>
  );
}
