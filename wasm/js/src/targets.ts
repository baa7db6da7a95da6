// The addresses of a service, which are tried in turn.

import { socketURL } from './options.js';

// shown is a URL for logs and errors, without what may be secret: the user and the query.
export function shown(url: string): string {
  return String(url).replace(/[?#][^]*/, '').replace(/^(\w+:?\/*)?[^/]*@/, '$1');
}

// isSafe reports whether url may stand for home: never plain where home is encrypted.
export function isSafe(url: string, home: string): boolean {
  return url.indexOf('wss:') === 0 || home.indexOf('ws:') === 0;
}

// beside returns url as another address of the service at home: without a path it has home's.
export function beside(url: string, home: string): string {
  const address = new URL(socketURL(url));
  if (address.pathname === '/') address.pathname = new URL(home).pathname;
  return address.href;
}

// route lists the addresses to try in turn: first, and then the given ones.
export function route(first: string, given: string[]): string[] {
  return [first].concat(given.filter((url) => url !== first));
}
