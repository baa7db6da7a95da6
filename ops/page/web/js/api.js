// The server's API. The token is in this module's memory, and in sessionStorage if whoever signed
// in wants the tab to survive a reload: that belongs to this tab alone and ends with it. It is sent
// in a header and nowhere else: not in an address, which logs and histories keep, and not in a
// cookie, which browsers send without being asked.

const base = new URL('api/', document.baseURI);
const KEY = 'smartsocket-operations';
const PATIENCE = 10_000; // ms until an answer is given up

let credentials = '';

/** What the page shows of its connection: events "online", "lost" and "refused". */
export const connection = new EventTarget();

/** Failure is an answer that is an error, or none at all: then the status is 0. */
export class Failure extends Error {
  /** @param {number} status @param {string} code @param {string} message */
  constructor(status, code, message) {
    super(message);
    this.name = 'Failure';
    this.status = status;
    this.code = code;
  }

  /** lost reports whether the server could not be reached. */
  get lost() {
    return this.status === 0 || this.code === '' && this.status >= 502;
  }
}

function base64(text) {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/**
 * signIn keeps a token, and the name under which the server logs what is done with it.
 * @param {string} token @param {string} name @param {boolean} keep also over a reload of the tab
 */
export function signIn(token, name, keep) {
  name = name.replaceAll(':', ' ').trim();
  credentials = name ? `Basic ${base64(`${name}:${token}`)}` : `Bearer ${token}`;
  if (keep) sessionStorage.setItem(KEY, credentials);
  else sessionStorage.removeItem(KEY);
}

/** signOut forgets the token. */
export function signOut() {
  credentials = '';
  sessionStorage.removeItem(KEY);
}

/** restore takes what signIn kept for this tab. */
export function restore() {
  credentials = sessionStorage.getItem(KEY) ?? '';
}

/** signedIn reports whether there is a token. */
export function signedIn() {
  return credentials !== '';
}

function address(path, params) {
  const url = new URL(path, base);
  for (const [key, value] of Object.entries(params ?? {})) {
    if (value !== '' && value !== null && value !== undefined) url.searchParams.set(key, value);
  }
  return url;
}

function headers(more) {
  return credentials ? { ...more, Authorization: credentials } : more;
}

/** failureOf reads an answer that is an error. @param {Response} answer */
async function failureOf(answer) {
  let told = /** @type {any} */ ({});
  try {
    told = await answer.json();
  } catch {
    // it is not the server's: a proxy's page, or nothing
  }
  const failure = new Failure(answer.status, told.code ?? '',
    told.error ?? `the answer is ${answer.status} ${answer.statusText}`);
  if (answer.status === 401) connection.dispatchEvent(new Event('refused'));
  else if (failure.lost) connection.dispatchEvent(new Event('lost'));
  return failure;
}

/**
 * @param {URL} url
 * @param {RequestInit} init
 * @returns {Promise<Response>} an answer that is no error
 */
async function send(url, init) {
  let answer;
  try {
    answer = await fetch(url, { cache: 'no-store', redirect: 'error', ...init });
  } catch (error) {
    if (init.signal?.aborted && init.signal.reason?.name !== 'TimeoutError') throw error;
    connection.dispatchEvent(new Event('lost'));
    throw new Failure(0, '', 'the server does not answer');
  }
  if (!answer.ok) throw await failureOf(answer);
  connection.dispatchEvent(new Event('online'));
  return answer;
}

/**
 * get asks for the JSON of a path.
 * @param {string} path below /api/
 * @param {Record<string, any>} [params] of which empty ones are left out
 * @param {AbortSignal} [signal]
 */
export async function get(path, params, signal) {
  const late = AbortSignal.timeout(PATIENCE);
  const answer = await send(address(path, params), {
    headers: headers({ Accept: 'application/json' }),
    signal: signal ? AbortSignal.any([signal, late]) : late,
  });
  try {
    return await answer.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    connection.dispatchEvent(new Event('lost'));
    throw new Failure(0, '', 'the answer is not the server\'s');
  }
}

/** post acts. @param {string} path below /api/ @param {any} [body] */
export async function post(path, body) {
  const answer = await send(address(path), {
    method: 'POST', body: body === undefined ? null : JSON.stringify(body),
    headers: headers({ 'Content-Type': 'application/json' }), signal: AbortSignal.timeout(PATIENCE),
  });
  return answer.json();
}

/**
 * stream reads server-sent events until signal ends it, or the server does. An EventSource would
 * have to carry the token in the address.
 * @param {string} path
 * @param {Record<string, any>} params
 * @param {AbortSignal} signal
 * @param {() => void} begun is called when the server streams
 * @param {(type: string, data: any) => void} each
 */
export async function stream(path, params, signal, begun, each) {
  const answer = await send(address(path, params), { headers: headers({}), signal });
  begun();
  const body = /** @type {ReadableStream<Uint8Array>} */ (answer.body);
  const reader = body.pipeThrough(/** @type {any} */ (new TextDecoderStream())).getReader();
  let rest = '';
  for (;;) {
    let part;
    try {
      part = await reader.read();
    } catch (error) {
      if (signal.aborted) throw error;
      connection.dispatchEvent(new Event('lost'));
      throw new Failure(0, '', 'the connection to the server was lost');
    }
    if (part.done) return;
    const blocks = (rest + part.value).split('\n\n');
    rest = /** @type {string} */ (blocks.pop());
    for (const block of blocks) parse(block, each);
  }
}

function parse(block, each) {
  let type = 'message';
  let data = '';
  for (const line of block.split('\n')) {
    if (line.startsWith('event: ')) type = line.slice(7);
    else if (line.startsWith('data: ')) data += line.slice(6);
  }
  if (data) each(type, JSON.parse(data));
}
