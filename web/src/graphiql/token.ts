// The token that operations are sent with. It is kept for as long as its tab is open, and nowhere else.

const KEY = 'boreas.token';

export function readToken(): string {
  return sessionStorage.getItem(KEY) ?? '';
}

export function keepToken(token: string): void {
  if (token === '') sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, token);
}
