// The addresses of a service, which are tried in turn.

// shown is a URL for logs and errors, without what may be secret: the user and the query.
export function shown(url: string): string {
  return String(url).replace(/[?#][^]*/, '').replace(/^(\w+:?\/*)?[^/]*@/, '$1');
}

// isSafe reports whether url may stand for home: never plain where home is encrypted.
export function isSafe(url: string, home: string): boolean {
  return url.indexOf('wss:') === 0 || home.indexOf('ws:') === 0;
}

// beside returns url as another address of the service at home: without a path it has home's, and
// home's query, if it has none of its own. The members of a URL are not set, here and below,
// because React Native's cannot be.
export function beside(url: string, home: string): string {
  const [host, own, search] = cut(socketURL(url)), [, path, query] = cut(home);
  return host + (own.length > 1 ? own + search : path + (search || query));
}

// cut returns the scheme with the host, the path, and the query with its question mark.
function cut(address: string): string[] {
  return /^(\w+:\/\/[^/?]*)([^?]*)([^]*)/.exec(address)!.slice(1);
}

// route lists the addresses to try in turn: first, and then the given ones.
export function route(first: string, given: string[]): string[] {
  return [first].concat(given.filter((url) => url !== first));
}

// socketURL returns a ws: or wss: URL. It converts http: and https:, and resolves a relative URL
// against the page's.
export function socketURL(url: string): string {
  const named = /@/.test(url) ? '…' : shown(url); // who knows where a password ends that is no URL
  const inPage = typeof location === 'object' && /^(https?|wss?):/.test(location.href);
  let parsed: URL;
  try {
    parsed = inPage ? new URL(url === undefined ? '/' : url, location.href) : new URL(url);
  } catch {
    throw new TypeError(
      `"${named}" is not a URL; expected something like ws://localhost:3000`);
  }
  const address = parsed.href.replace(/^http/, 'ws').replace(/#[^]*/, '');
  if (!/^wss?:/.test(address)) {
    throw new TypeError(`"${named}" must begin with ws:// or wss://`);
  }
  return address;
}
